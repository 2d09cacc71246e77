"""An acquirer written by hand from the published standard, over a real socket: it gives tokens, makes codes and says what became of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_public_key

from tests.integration.payments.bank import Bank, pem
from tests.support.service import Harness

OUR_KEY = generate_private_key(public_exponent=65537, key_size=2048)
OUR_PEM = OUR_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
CLIENT_KEY, SECRET = "perisai-at-acquirer", "a-secret-of-the-acquirer-1"
_NUMBERS = itertools.count(1)


@dataclass
class Code:
    reference: str
    number: str
    amount: int
    status: str = "01"
    paid_time: str | None = None


@dataclass
class Books:
    """What it holds. `drop`: answers that get lost after they took effect; `refuse`: a code that calls are refused with.

    `keys` and `secrets`: what it knows of us. `meanwhile`: what happens while it has a call in hand, before it looks at the signature.
    `tokens`: how often it was asked for one; `mute`: it hangs up on who asks.
    """

    codes: dict[str, Code] = field(default_factory=dict)
    token: str = ""
    tokens: int = 0
    mute: bool = False
    drop: int = 0
    refuse: str = ""
    calls: list[str] = field(default_factory=list)
    external_ids: set[str] = field(default_factory=set)
    bad: list[str] = field(default_factory=list)
    url: str = ""
    keys: list[str] = field(default_factory=lambda: [pem(OUR_KEY)])
    secrets: list[str] = field(default_factory=lambda: [SECRET])
    merchants: set[str] = field(default_factory=set)
    meanwhile: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def pay(self, reference: str, at: str, amount: int | None = None) -> Code:
        code = self.codes[reference]
        code.status, code.paid_time, code.amount = "00", at, amount or code.amount
        return code


def _answer(code: str, **more: Any) -> web.Response:
    return web.json_response({"responseCode": code, "responseMessage": "x", **more}, status=int(code[:3]))


def _made(public: str, signature: bytes, text: bytes) -> bool:
    """Whether the private half of this key made the signature."""
    key = load_pem_public_key(public.encode())
    assert isinstance(key, RSAPublicKey)
    try:
        key.verify(signature, text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _application(books: Books) -> web.Application:
    async def token(request: web.Request) -> web.Response:
        books.tokens += 1
        if books.mute:
            assert request.transport is not None
            request.transport.close()
        text = f"{request.headers['X-CLIENT-KEY']}|{request.headers['X-TIMESTAMP']}"
        signature = base64.b64decode(request.headers["X-SIGNATURE"])
        if not any(_made(key, signature, text.encode()) for key in books.keys):
            return _answer("4017300")
        books.token = f"token-{next(_NUMBERS)}"
        return _answer("2007300", accessToken=books.token, tokenType="Bearer", expiresIn="900")

    def signed(request: web.Request, raw: bytes) -> bool:
        digest, stamp = hashlib.sha256(raw).hexdigest(), request.headers["X-TIMESTAMP"]
        text = f"POST:{request.path}:{books.token}:{digest}:{stamp}"
        macs = [hmac.new(secret.encode(), text.encode(), hashlib.sha512).digest() for secret in books.secrets]
        fresh = request.headers["X-EXTERNAL-ID"] not in books.external_ids
        books.external_ids.add(request.headers["X-EXTERNAL-ID"])
        well = request.headers["X-EXTERNAL-ID"].isdecimal() and len(request.headers["X-EXTERNAL-ID"]) <= 36
        return fresh and well and base64.b64decode(request.headers["X-SIGNATURE"]) in macs

    async def generate(request: web.Request) -> web.Response:
        raw = await request.read()
        books.calls.append("generate")
        if books.meanwhile:
            await books.meanwhile.pop()()
        if request.headers["Authorization"] != f"Bearer {books.token}":
            return _answer("4014701")
        if not signed(request, raw):
            books.bad.append("generate")
            return _answer("4014700")
        if books.refuse:
            return _answer(books.refuse)
        body = json.loads(raw)
        books.merchants.add(body["merchantId"])
        amount = int(body["amount"]["value"].removesuffix(".00"))
        code = books.codes.setdefault(
            body["partnerReferenceNo"], Code(body["partnerReferenceNo"], f"QR{next(_NUMBERS):010d}", amount)
        )
        if books.drop:
            books.drop -= 1
            assert request.transport is not None
            request.transport.close()
        return _answer(
            "2004700", referenceNo=code.number, partnerReferenceNo=code.reference, qrContent=f"QR:{code.number}"
        )

    async def query(request: web.Request) -> web.Response:
        raw = await request.read()
        books.calls.append("query")
        if books.meanwhile:
            await books.meanwhile.pop()()
        if not signed(request, raw):
            books.bad.append("query")
            return _answer("4015100")
        body = json.loads(raw)
        assert body["serviceCode"] == "47"
        found = [
            code
            for code in books.codes.values()
            if body.get("originalPartnerReferenceNo") == code.reference
            or body.get("originalReferenceNo") == code.number
        ]
        if not found:
            return _answer("4045101")
        code = found[0]
        paid = {"paidTime": code.paid_time} if code.paid_time else {}
        return _answer(
            "2005100",
            originalReferenceNo=code.number,
            originalPartnerReferenceNo=code.reference,
            latestTransactionStatus=code.status,
            amount={"value": f"{code.amount}.00", "currency": "IDR"},
            **paid,
        )

    app = web.Application()
    app.router.add_post("/snap/v1.0/access-token/b2b", token)
    app.router.add_post("/snap/v1.0/qr/qr-mpm-generate", generate)
    app.router.add_post("/snap/v1.0/qr/qr-mpm-query", query)
    return app


@asynccontextmanager
async def acquirer() -> AsyncIterator[tuple[Books, dict[str, Any]]]:
    """Its books, and the settings of a process that has time for it."""
    books = Books()
    runner = web.AppRunner(_application(books))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    books.url = f"http://127.0.0.1:{port}/snap/v1.0"
    try:
        yield books, {"qris_timeout_s": 10.0}
    finally:
        await runner.cleanup()


async def change(h: Harness, path: str, body: Any = None, status: int = 200) -> dict[str, Any]:
    """What an admin call about an acquirer answers; it must have this status."""
    sent = {} if body is None else {"json": body}
    answer = await h.client.post(f"/partners/{path}", headers=h.token(roles=["central"]), **sent)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def agree(h: Harness, url: str, partner: str = "qris-a", **terms: Any) -> None:
    """What was agreed about our calls, over the API: address, key and secret."""
    wanted = {"url": url, "client_key": CLIENT_KEY, "partner_id": "PERISAI", "merchant_id": "M-1", **terms}
    await change(h, f"{partner}/acquirer", wanted)
    for kind, body in (("keys", {"private_key": OUR_PEM}), ("secrets", {"client_secret": SECRET})):
        made = await change(h, f"{partner}/acquirer/{kind}", body, 201)
        await change(h, f"{partner}/acquirer/credentials/{made['credential_id']}/activate", {})


def teller(h: Harness) -> Bank:
    """The acquirer as who calls us: a partner without numbers of its own."""
    return Bank(h, "qris-a", "9300", "client-qris", "q-secret-of-the-tests-0001", "93001")


async def notify(bank: Bank, number: str, status: str = "00", **more: Any) -> httpx.Response:
    """A notice (52) as the acquirer sends it."""
    body = {"originalReferenceNo": number, "latestTransactionStatus": status, **more}
    raw = json.dumps(body).encode()
    path = "/snap/v1.0/qr/qr-mpm-notify"
    headers = bank.envelope(path, raw) | more.pop("headers", {})
    return await bank.h.client.post(path, content=raw, headers=headers)


def rupiah(amount: int) -> dict[str, str]:
    return {"value": f"{amount}.00", "currency": "IDR"}
