"""The line to a QRIS acquirer, whose client we are: token, signature, time-out. Every outcome is a value; nothing else it says is believed.

Addresses, keys and merchant come from the settings alone (snap.md sections 2 to 4 and 10).
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chassis.clock import Clock
from chassis.ids import new_id
from chassis.telemetry import log
from services.payments.commands.qr import Answer, Made, NotKnown, NotMade
from services.payments.domain.qr import Qr
from services.payments.domain.snap import signing, values
from services.payments.domain.snap.notices import QrStatus, Told
from services.payments.queries.qr import Question

TOKEN_PATH, MAKE_PATH, QUERY_PATH = "/access-token/b2b", "/qr/qr-mpm-generate", "/qr/qr-mpm-query"
MOST_ANSWER_BYTES = 256 * 1024
CONNECT_TIMEOUT_S = 2.0
LONGEST_CONTENT = 1_000
TOKEN_MARGIN_S = 60
_FINAL = ("400", "403", "404", "405")
"""Of a call to make a code: it will not be made, however often it is asked for. A 401, 409 or 429 says nothing final."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Agreement:
    """What was agreed with the acquirer. `url`: everything before `/access-token/b2b`, version included."""

    partner: str
    url: str
    client_key: str
    client_secret: str
    private_key: str
    partner_id: str
    channel_id: str
    merchant_id: str
    timeout_s: float


class Acquirer(Protocol):
    """Asks once; bounded in time. Raises nothing that the outside can cause."""

    async def make(self, qr: Qr) -> Answer:
        """A code for this amount and reference (47)."""

    async def ask(self, question: Question) -> Answer:
        """What became of a code (51)."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reply:
    """`code` is "" when no answer came that keeps the standard."""

    code: str
    body: Mapping[str, Any]


class _Unusable(Exception):
    """The answer is no JSON object with a code of seven digits, or too long."""


class SnapAcquirer:
    def __init__(self, agreement: Agreement, clock: Clock) -> None:
        """Raises ValueError for a private key that is no RSA key in PEM."""
        self._agreed, self._clock = agreement, clock
        key = load_pem_private_key(agreement.private_key.encode(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("not an RSA key")
        self._key = key
        self._path = urlsplit(agreement.url).path.rstrip("/")
        self._token: tuple[str, float] | None = None
        self._asking = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def make(self, qr: Qr) -> Answer:
        body = {
            "partnerReferenceNo": qr.reference,
            "amount": values.decimal(qr.amount),
            "merchantId": self._agreed.merchant_id,
            "validityPeriod": values.timestamp(qr.expires_at),
        }
        reply = await self._call(MAKE_PATH, body)
        content, reference = reply.body.get("qrContent"), reply.body.get("referenceNo")
        if reply.code == "2004700" and _fits(content, LONGEST_CONTENT) and _fits(reference, 64):
            return Made(str(reference), str(content))
        return NotMade(reply.code) if reply.code.startswith(_FINAL) else NotKnown()

    async def ask(self, question: Question) -> Answer:
        ours = question.bill_id is not None
        body = {
            "originalPartnerReferenceNo" if ours else "originalReferenceNo": question.reference,
            "merchantId": self._agreed.merchant_id,
            "serviceCode": "47",
        }
        reply = await self._call(QUERY_PATH, body)
        return _told(reply, question) if reply.code == "2005100" else NotKnown()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(self, path: str, body: Body) -> Reply:
        """A token that died early is replaced once; each call has an X-EXTERNAL-ID of its own."""
        reply = await self._signed(path, body)
        if reply.code[:3] == "401":
            self._token = None
            reply = await self._signed(path, body)
        if reply.code[:3] in ("401", "405"):
            log.error("acquirer_access_refused", code=reply.code, runbook="docs/operations.md#acquirer")
        return reply

    async def _signed(self, path: str, body: Body) -> Reply:
        token = await self._current_token()
        if token is None:
            return Reply("", {})
        raw, timestamp = json.dumps(body, separators=(",", ":")).encode(), values.timestamp(self._clock.wall())
        text = signing.symmetric_text("POST", self._path + path, token, signing.body_hash(raw), timestamp)
        signature = base64.b64encode(signing.symmetric_signature(self._agreed.client_secret, text)).decode()
        headers = {
            "Authorization": f"Bearer {token}",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": signature,
            "X-PARTNER-ID": self._agreed.partner_id,
            "X-EXTERNAL-ID": str(new_id().int)[:36],
            "CHANNEL-ID": self._agreed.channel_id,
        }
        return await self._post(path, headers, raw)

    async def _current_token(self) -> str | None:
        async with self._asking:
            if self._token is None or time.monotonic() >= self._token[1]:
                self._token = await self._new_token()
            return None if self._token is None else self._token[0]

    async def _new_token(self) -> tuple[str, float] | None:
        timestamp, asked = values.timestamp(self._clock.wall()), time.monotonic()
        text = signing.token_text(self._agreed.client_key, timestamp)
        headers = {
            "X-TIMESTAMP": timestamp,
            "X-CLIENT-KEY": self._agreed.client_key,
            "X-SIGNATURE": base64.b64encode(self._key.sign(text, PKCS1v15(), SHA256())).decode(),
        }
        reply = await self._post(TOKEN_PATH, headers, b'{"grantType":"client_credentials"}')
        token, life = reply.body.get("accessToken"), reply.body.get("expiresIn")
        if reply.code != "2007300" or not _fits(token, 2_048) or not str(life).isdecimal():
            return None
        return str(token), asked + max(1, int(str(life)[:9]) - TOKEN_MARGIN_S)

    async def _post(self, path: str, headers: Mapping[str, str], raw: bytes) -> Reply:
        sent = {"Content-Type": "application/json", **headers}
        try:
            async with asyncio.timeout(self._agreed.timeout_s):
                async with self._open().post(
                    self._agreed.url + path, data=raw, headers=sent, allow_redirects=False
                ) as response:
                    return _reply(response.status, await _whole(response))
        except (aiohttp.ClientError, OSError, TimeoutError, _Unusable):
            return Reply("", {})

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    async for part in response.content.iter_any():
        found += part
        if len(found) > MOST_ANSWER_BYTES:
            raise _Unusable
    return bytes(found)


def _reply(status: int, raw: bytes) -> Reply:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise _Unusable from None
    code = body.get("responseCode") if isinstance(body, dict) else None
    if not isinstance(code, str) or len(code) != 7 or not code.isdecimal() or code[:3] != str(status):
        raise _Unusable
    return Reply(code, body)


def _told(reply: Reply, question: Question) -> Answer:
    """An answer about another code answers nothing."""
    ours = question.reference if question.bill_id is not None else None
    status, reference = reply.body.get("latestTransactionStatus"), reply.body.get("originalReferenceNo")
    if status not in [*QrStatus]:
        return NotKnown()
    if ours is not None and reply.body.get("originalPartnerReferenceNo", ours) != ours:
        return NotKnown()
    if ours is None:
        reference = question.reference
    if not _fits(reference, 64):
        return NotKnown()
    paid_at, amount = reply.body.get("paidTime"), reply.body.get("amount")
    return Told(
        acquirer_reference=str(reference),
        status=QrStatus(str(status)),
        reference=ours,
        amount=_amount(amount),
        paid_at=values.instant(paid_at) if isinstance(paid_at, str) else None,
    )


def _amount(found: object) -> int | None:
    """Whole rupiah of `{value, currency}`; None for anything else."""
    if not isinstance(found, dict) or found.get("currency") != "IDR" or not isinstance(found.get("value"), str):
        return None
    return values.rupiah(found["value"], digits=15)


def _fits(text: object, length: int) -> bool:
    return isinstance(text, str) and 0 < len(text) <= length and text.isprintable() and text.isascii()
