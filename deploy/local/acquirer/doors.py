"""The doors of merchants: token (73), generate (47), query (51), as the standard has them; every refusal is a code of the standard."""

import base64
import hmac
import json
import secrets
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from deploy.local.acquirer.books import Books, Code
from deploy.local.acquirer.settings import Settings
from deploy.local.bank.clock import elapsed_s, snap_time, wall_now
from deploy.local.bank.money import read_amount, write_amount
from deploy.local.bank.signing import sign_symmetric

TOKEN_LIFE_S = 900
PREFIX = "/snap/v1.0"


class Refused(Exception):
    """`code`: of the standard, with the service's digits."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Doors:
    def __init__(self, settings: Settings, books: Books) -> None:
        self._settings, self._books = settings, books
        self._tokens: dict[str, float] = {}
        self._external_ids: set[str] = set()
        self.drop_answers = 0

    async def token(self, request: Request) -> dict[str, Any]:
        headers, settings = request.headers, self._settings
        text = f"{headers.get('X-CLIENT-KEY')}|{headers.get('X-TIMESTAMP')}"
        try:
            signature = base64.b64decode(headers.get("X-SIGNATURE", ""), validate=True)
            settings.merchant_key.verify(signature, text.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            raise Refused("4017300", "Unauthorized. [Signature]") from None
        if headers.get("X-CLIENT-KEY") != settings.merchant_client_key:
            raise Refused("4017300", "Unauthorized. [Unknown Client]")
        token = secrets.token_urlsafe(32)
        self._tokens[token] = elapsed_s() + TOKEN_LIFE_S
        return {"accessToken": token, "tokenType": "Bearer", "expiresIn": str(TOKEN_LIFE_S)}

    async def generate(self, request: Request) -> dict[str, Any]:
        body = await self._admitted(request, "47")
        reference, amount = body.get("partnerReferenceNo"), read_amount(body.get("amount"))
        if not isinstance(reference, str) or not 1 <= len(reference) <= 64:
            raise Refused("4004702", "Invalid Mandatory Field partnerReferenceNo")
        if not amount:
            raise Refused("4004701", "Invalid Field Format amount")
        code = self._books.make(reference, amount, str(body.get("validityPeriod") or ""))
        if code is None:
            raise Refused("4094701", "Duplicate partnerReferenceNo")
        return {"referenceNo": code.reference_no, "partnerReferenceNo": reference, "qrContent": code.content}

    async def query(self, request: Request) -> dict[str, Any]:
        body = await self._admitted(request, "51")
        if body.get("serviceCode") != "47":
            raise Refused("4005102", "Invalid Mandatory Field serviceCode")
        code = self._books.find(
            merchant_reference=_text(body, "originalPartnerReferenceNo"),
            reference_no=_text(body, "originalReferenceNo"),
        )
        if code is None:
            raise Refused("4045101", "Transaction Not Found")
        return told(code) | ({"paidTime": code.paid_at} if code.paid_at else {})

    async def _admitted(self, request: Request, service: str) -> dict[str, Any]:
        """The body of a call that the merchant signed with a live token."""
        raw, headers = await request.body(), request.headers
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) < elapsed_s():
            raise Refused(f"401{service}01", "Invalid Token (B2B)")
        signature = sign_symmetric(
            self._settings.merchant_client_secret,
            method="POST",
            path=request.url.path,
            token=token,
            body=raw,
            timestamp=headers.get("X-TIMESTAMP", ""),
        )
        if not hmac.compare_digest(signature.encode(), headers.get("X-SIGNATURE", "").encode()):
            raise Refused(f"401{service}00", "Unauthorized. [Signature]")
        external_id = headers.get("X-EXTERNAL-ID", "")
        if not external_id or external_id in self._external_ids:
            raise Refused(f"409{service}00", "Conflict")
        self._external_ids.add(external_id)
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):  # nested without end
            raise Refused(f"400{service}00", "Bad Request") from None
        if not isinstance(body, dict) or body.get("merchantId") != self._settings.merchant_id:
            raise Refused(f"404{service}08", "Invalid Merchant")
        return body


def _text(body: dict[str, Any], name: str) -> str | None:
    """A reference of a query, None where it is not given. Raises `Refused`."""
    given = body.get(name)
    if given is None or isinstance(given, str):
        return given
    raise Refused("4005101", f"Invalid Field Format {name}")


def told(code: Code) -> dict[str, Any]:
    """What both a query's answer and a notice say of a code."""
    paid = {"amount": write_amount(code.paid_amount)} if code.paid_amount else {}
    return {
        "originalReferenceNo": code.reference_no,
        "originalPartnerReferenceNo": code.merchant_reference,
        "latestTransactionStatus": code.status,
    } | paid


def snap_routes(doors: Doors) -> APIRouter:
    router = APIRouter(prefix=PREFIX)

    async def answered(service: str, request: Request) -> JSONResponse:
        work = {"73": doors.token, "47": doors.generate, "51": doors.query}[service]
        try:
            body = {"responseCode": f"200{service}00", "responseMessage": "Successful", **await work(request)}
        except Refused as refused:
            body = {"responseCode": refused.code, "responseMessage": refused.message}
        if service != "73" and doors.drop_answers:
            doors.drop_answers -= 1
            body = {"responseCode": f"504{service}00", "responseMessage": "Timeout"}
        return JSONResponse(body, int(body["responseCode"][:3]), {"X-TIMESTAMP": snap_time(wall_now())})

    @router.post("/access-token/b2b")
    async def token(request: Request) -> JSONResponse:
        return await answered("73", request)

    @router.post("/qr/qr-mpm-generate")
    async def generate(request: Request) -> JSONResponse:
        return await answered("47", request)

    @router.post("/qr/qr-mpm-query")
    async def query(request: Request) -> JSONResponse:
        return await answered("51", request)

    return router
