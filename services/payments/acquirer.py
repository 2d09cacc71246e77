"""The line to the QRIS acquirers, whose client we are: token, signature, time-out. Every outcome is a value; nothing else they say is believed.

Addresses, keys and merchants come from what was agreed with each (snap.md sections 2 to 4 and 10). A call that is refused as not ours is made
again with what was agreed by then, and after that with the credential before: so none fails because a key or secret was changed meanwhile,
whichever side was first.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from chassis.clock import Clock
from chassis.ids import new_id
from chassis.telemetry import log
from services.payments.acquirer_registry import AcquirerRegistry, KnownAcquirer
from services.payments.commands.qr import Answer, Made, NotKnown, NotMade
from services.payments.domain.acquirers import Acquirer as Terms
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

    @property
    def refuses_us(self) -> bool:
        return self.code[:3] == "401"


NO_REPLY = Reply("", {})


@dataclass(slots=True)
class _Token:
    """The one that an acquirer gave us as this client at this address; nobody else is shown it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    text: str = field(default="", repr=False)
    until: float = 0.0
    of: tuple[str, str] = ("", "")
    silences: int = 0
    """How often none came, though no key was refused."""

    def lives(self, terms: Terms) -> bool:
        return self.of == (terms.url, terms.client_key) and time.monotonic() < self.until


class _Unusable(Exception):
    """The answer is no JSON object with a code of seven digits, or too long."""


class SnapAcquirer:
    """Calls the acquirer of each code."""

    def __init__(self, registry: AcquirerRegistry, clock: Clock, *, timeout_s: float) -> None:
        self._registry, self._clock, self._timeout_s = registry, clock, timeout_s
        self._tokens: defaultdict[str, _Token] = defaultdict(_Token)
        self._session: aiohttp.ClientSession | None = None

    async def make(self, qr: Qr) -> Answer:
        body = {
            "partnerReferenceNo": qr.reference,
            "amount": values.decimal(qr.amount),
            "validityPeriod": values.timestamp(qr.expires_at),
        }
        reply = await self._call(qr.partner, MAKE_PATH, body)
        content, reference = reply.body.get("qrContent"), reply.body.get("referenceNo")
        if reply.code == "2004700" and _fits(content, LONGEST_CONTENT) and _fits(reference, 64):
            return Made(str(reference), str(content))
        return NotMade(reply.code) if reply.code.startswith(_FINAL) else NotKnown()

    async def ask(self, question: Question) -> Answer:
        ours = question.bill_id is not None
        body = {
            "originalPartnerReferenceNo" if ours else "originalReferenceNo": question.reference,
            "serviceCode": "47",
        }
        reply = await self._call(question.partner, QUERY_PATH, body)
        return _told(reply, question) if reply.code == "2005100" else NotKnown()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(self, partner: str, path: str, body: Body) -> Reply:
        reply = await self._tried(partner, path, body)
        if reply.code[:3] in ("401", "405"):
            log.error(
                "acquirer_access_refused", partner=partner, code=reply.code, runbook="docs/operations.md#acquirer"
            )
        return reply

    async def _tried(self, partner: str, path: str, body: Body) -> Reply:
        """First as it was last known to be right; where that is refused, with all that signs by now."""
        known = await self._registry.of(partner)
        if known is None:
            return NO_REPLY
        reply = await self._signed(known, known.secrets[0], path, body)
        if not reply.refuses_us:
            return reply
        self._registry.forget()
        self._tokens[partner].until = 0.0
        if (known := await self._registry.of(partner)) is None:
            return NO_REPLY
        for tried, secret in enumerate(known.secrets):
            reply = await self._signed(known, secret, path, body)
            if not reply.refuses_us:
                if tried > 0:
                    _warn("acquirer_takes_the_old_secret", known.terms)
                break
        return reply

    async def _signed(self, known: KnownAcquirer, secret: str, path: str, body: Body) -> Reply:
        """Each call has an X-EXTERNAL-ID of its own."""
        terms, token = known.terms, await self._token(known)
        if isinstance(token, Reply):
            return token
        raw = json.dumps({**body, "merchantId": terms.merchant_id}, separators=(",", ":")).encode()
        timestamp, prefix = values.timestamp(self._clock.wall()), urlsplit(terms.url).path
        text = signing.symmetric_text("POST", prefix + path, token, signing.body_hash(raw), timestamp)
        headers = {
            "Authorization": f"Bearer {token}",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": base64.b64encode(signing.symmetric_signature(secret, text)).decode(),
            "X-PARTNER-ID": terms.partner_id,
            "X-EXTERNAL-ID": str(new_id().int)[:36],
            "CHANNEL-ID": terms.channel_id,
        }
        return await self._post(terms.url + path, headers, raw)

    async def _token(self, known: KnownAcquirer) -> str | Reply:
        """A live token, or the refusal of every key; no reply says nothing about keys.

        Who waited while one was asked for shares what came of it, also that nothing came: they do not each wait for a silent acquirer in turn.
        """
        kept = self._tokens[known.terms.partner]
        silences = kept.silences
        async with kept.lock:
            if kept.lives(known.terms):
                return kept.text
            if kept.silences != silences:
                return NO_REPLY
            reply = NO_REPLY
            for tried, key in enumerate(known.keys):
                asked = time.monotonic()
                reply = await self._ask_token(known.terms, key)
                if not reply.refuses_us:
                    found = _keep(kept, known, reply, asked)
                    if isinstance(found, Reply):
                        kept.silences += 1
                    elif tried > 0:
                        _warn("acquirer_takes_the_old_key", known.terms)
                    return found
            return reply

    async def _ask_token(self, terms: Terms, key: RSAPrivateKey) -> Reply:
        timestamp = values.timestamp(self._clock.wall())
        text = signing.token_text(terms.client_key, timestamp)
        headers = {
            "X-TIMESTAMP": timestamp,
            "X-CLIENT-KEY": terms.client_key,
            "X-SIGNATURE": base64.b64encode(key.sign(text, PKCS1v15(), SHA256())).decode(),
        }
        return await self._post(terms.url + TOKEN_PATH, headers, b'{"grantType":"client_credentials"}')

    async def _post(self, url: str, headers: Mapping[str, str], raw: bytes) -> Reply:
        sent = {"Content-Type": "application/json", **headers}
        try:
            async with asyncio.timeout(self._timeout_s):
                async with self._open().post(url, data=raw, headers=sent, allow_redirects=False) as response:
                    return _reply(response.status, await _whole(response))
        except (aiohttp.ClientError, OSError, TimeoutError, _Unusable):
            return NO_REPLY

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(connect=CONNECT_TIMEOUT_S, sock_connect=CONNECT_TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._session


def _warn(event: str, terms: Terms) -> None:
    log.warning(event, partner=terms.partner, runbook="docs/operations.md#acquirer")


def _keep(kept: _Token, known: KnownAcquirer, reply: Reply, asked: float) -> str | Reply:
    """The token of this reply, kept for its life."""
    token, life = reply.body.get("accessToken"), reply.body.get("expiresIn")
    if reply.code != "2007300" or not _fits(token, 2_048) or not str(life).isdecimal():
        return NO_REPLY
    kept.text, kept.of = str(token), (known.terms.url, known.terms.client_key)
    kept.until = asked + max(1, int(str(life)[:9]) - TOKEN_MARGIN_S)
    return kept.text


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
