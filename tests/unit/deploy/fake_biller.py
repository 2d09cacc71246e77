"""A tiny biller, written by hand from snap.md, that checks what a bank sends and answers as it is told to.

It posts at most once per paymentRequestId. `script` holds the ways the next calls go wrong, in order.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

SECRET, CLIENT_KEY, PARTNER = "secret-TEST", "client-TEST", "partner-TEST"
# A good quote that belongs to somebody else's inquiry.
MIXED_UP = {"inquiryRequestId": "another", "totalAmount": {"value": "1.00", "currency": "IDR"}, "inquiryStatus": "00"}


@dataclass
class Call:
    """One call as it arrived."""

    service: str
    headers: dict[str, str]
    body: dict[str, Any]
    raw: bytes
    code: str = ""


@dataclass
class FakeBiller:
    """Bills by customer number; what was posted, by paymentRequestId."""

    bills: dict[str, int]
    public_key: str = ""
    posted: dict[str, int] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    # Per service: "hang" (post, never answer), "lose" (neither), what is no answer, or a response code.
    script: dict[str, deque[str]] = field(default_factory=lambda: {s: deque() for s in ("73", "24", "25", "26")})
    life_s: int = 900
    answer_s: float = 0
    tokens: list[str] = field(default_factory=list)
    external_ids: set[str] = field(default_factory=set)
    closing: asyncio.Event = field(default_factory=asyncio.Event)  # lets go of those who still hang

    def app(self) -> FastAPI:
        app = FastAPI()
        app.post("/snap/v1.0/access-token/b2b")(self._token)
        for service, name in (("24", "inquiry"), ("25", "payment"), ("26", "status")):
            app.post(f"/snap/v1.0/transfer-va/{name}")(self._service(service))
        return app

    def of(self, service: str) -> list[Call]:
        """The calls to one service, in order of arrival."""
        return [call for call in self.calls if call.service == service]

    async def _token(self, request: Request) -> Response:
        if wrong := await self._scripted("73"):
            return wrong
        signed = f"{request.headers['x-client-key']}|{request.headers['x-timestamp']}"
        good = request.headers["x-client-key"] == CLIENT_KEY and self._rsa(signed, request.headers["x-signature"])
        if not good or await request.json() != {"grantType": "client_credentials"}:
            return _json("4017300", "Unauthorized. [Signature]")
        self.tokens.append(f"token-{len(self.tokens) + 1}")
        more = {"accessToken": self.tokens[-1], "tokenType": "Bearer", "expiresIn": str(self.life_s)}
        return _json("2007300", "Successful", **more)

    def _service(self, service: str) -> Any:
        async def answer(request: Request) -> Response:
            raw = await request.body()
            call = Call(service, dict(request.headers), json.loads(raw), raw)
            self.calls.append(call)
            if self.answer_s:
                await asyncio.sleep(self.answer_s)  # a slow biller, so that copies overlap
            if self.script[service] and self.script[service][0] == "hang":
                self._decide(call, request.url.path)
            if wrong := await self._scripted(service):
                return wrong
            call.code = self._decide(call, request.url.path)
            return self._answer(call)

        return answer

    async def _scripted(self, service: str) -> Response | None:
        if not self.script[service]:
            return None
        match self.script[service].popleft():
            case "hang" | "lose":
                await self.closing.wait()
                return Response(status_code=504)
            case "mixed_up":
                return _json("2002400", "scripted", virtualAccountData=MIXED_UP)
            case "html":
                return Response("<html>oops</html>", status_code=200)
            case "garbage":
                return JSONResponse({"responseCode": 2002500})
            case code:
                return _json(code, "scripted")

    def _decide(self, call: Call, path: str) -> str:
        if refusal := self._refusal(call, path):
            return f"{refusal[:3]}{call.service}{refusal[3:]}"
        number = call.body["customerNo"]
        if call.service == "24":
            return "2002400" if number in self.bills else "4042412"
        request_id = call.body["paymentRequestId"]
        if call.service == "26":
            return "2002600" if request_id in self.posted else "4042601"
        if request_id in self.posted:
            return "2002500" if call.body["flagAdvise"] == "Y" else "4042518"
        if number not in self.bills:
            return "4042514"
        if call.body["paidAmount"] != {"value": f"{self.bills[number]}.00", "currency": "IDR"}:
            return "4042513"
        self.posted[request_id] = self.bills.pop(number)
        return "2002500"

    def _refusal(self, call: Call, path: str) -> str | None:
        """What is wrong with the call itself, as HTTP status and case."""
        headers = call.headers
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token and token not in self.tokens:
            return "40101"
        digest = hashlib.sha256(call.raw).hexdigest()
        middle = f"{token}:{digest}" if token else digest
        signed = f"POST:{path}:{middle}:{headers['x-timestamp']}"
        mac = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha512).digest()).decode()
        good = hmac.compare_digest(mac, headers["x-signature"]) if token else self._rsa(signed, headers["x-signature"])
        age = abs((datetime.now(UTC) - datetime.fromisoformat(headers["x-timestamp"])).total_seconds())
        if not good or age > 300 or headers["x-partner-id"] != PARTNER or len(headers["channel-id"]) > 5:
            return "40100"
        if headers["x-external-id"] in self.external_ids:
            return "40900"
        self.external_ids.add(headers["x-external-id"])
        return None

    def _answer(self, call: Call) -> Response:
        echoed = ("partnerServiceId", "customerNo", "virtualAccountNo", "inquiryRequestId", "paymentRequestId")
        data: dict[str, Any] = {name: call.body[name] for name in echoed if name in call.body}
        if call.service == "24" and call.code == "2002400":
            amount = {"value": f"{self.bills[call.body['customerNo']]}.00", "currency": "IDR"}
            data |= {"virtualAccountName": "Siti Aminah", "totalAmount": amount, "inquiryStatus": "00"}
        elif call.service != "24":
            data["paymentFlagStatus"] = "00" if call.code in ("2002500", "4042518", "2002600") else "01"
        return _json(call.code, "scripted", virtualAccountData=data)

    def _rsa(self, text: str, signature: str) -> bool:
        key = load_pem_public_key(self.public_key.encode())
        assert isinstance(key, rsa.RSAPublicKey)
        try:
            key.verify(base64.b64decode(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def _json(code: str, message: str, **more: Any) -> JSONResponse:
    return JSONResponse({"responseCode": code, "responseMessage": message, **more}, status_code=int(code[:3]))
