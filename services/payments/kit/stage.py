"""The bank's side of one conformance run: builds signed messages, sends them, remembers what was answered."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from contracts.values import WIB
from services.payments.kit import signing
from services.payments.kit.credentials import Credentials, QrCode, Side, VoidedPayment
from services.payments.kit.lacking import why_none

SERVICES = {"token": "73", "inquiry": "24", "payment": "25", "status": "26", "notice": "52"}
PATHS = {
    "token": "access-token/b2b",
    "inquiry": "transfer-va/inquiry",
    "payment": "transfer-va/payment",
    "status": "transfer-va/status",
    "notice": "qr/qr-mpm-notify",
}
PRICE_FIELD = "totalAmount"
Body = dict[str, Any]


class CannotPlay(Exception):
    """This exchange needs a partner or a number that the sandbox does not have. Its text says which, and why there is none."""


def iso(moment: datetime) -> str:
    """`2026-11-22T10:15:30+07:00`."""
    return moment.astimezone(WIB).isoformat(timespec="seconds")


@dataclass(frozen=True, kw_only=True)
class Message:
    """One call. What is left alone is right; the rest is how it deviates from the standard.

    `body`: fields, or the very bytes. `signed`: the bytes that are signed, if others than those that are sent. `headers`: replaced, or left
    out with None. `path` and `signed_path`: below the prefix, the one that is called and the one that is signed. `text`: turns the string
    to sign into another; `spelt`: the raw signature into the header's text.
    """

    service: str
    body: Body | bytes
    side: str = "plain"
    headers: Mapping[str, str | None] = field(default_factory=dict)
    signed: bytes | None = None
    skew_s: int = 0
    time: Callable[[datetime], str] = iso
    method: str = "POST"
    path: str = ""
    signed_path: str = ""
    token: str | None = None
    secret: str = ""
    key: rsa.RSAPrivateKey | None = None
    text: Callable[[str], str] = str
    spelt: Callable[[bytes], str] = signing.as_base64

    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Answer:
    """`body` is empty when the answer was no JSON object."""

    status: int
    headers: httpx.Headers
    body: Body
    text: str = field(repr=False)

    @property
    def code(self) -> str:
        return str(self.body.get("responseCode", ""))

    @property
    def data(self) -> Body:
        found = self.body.get("virtualAccountData")
        return found if isinstance(found, dict) else {}

    @property
    def reason(self) -> str:
        """What the payer may be shown, in English; "" where the answer is bare."""
        found = self.data.get("inquiryReason", self.data.get("paymentFlagReason"))
        return str(found.get("english", "")) if isinstance(found, dict) else ""


class Stage:
    """`client` has the biller's base URL; `wall` tells the time."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        credentials: Credentials,
        wall: Callable[[], datetime],
        *,
        prefix: str = "/snap",
    ) -> None:
        self._client, self._credentials, self._wall, self._prefix = client, credentials, wall, prefix
        self._run = secrets.token_hex(4)
        self._counts = itertools.count(1)
        self._left = {kind: list(numbers) for kind, numbers in credentials.numbers.items()}
        self._codes = list(credentials.codes)
        self._tokens: dict[str, str] = {}
        self._strange: rsa.RSAPrivateKey | None = None
        self.of_case: dict[str, Any] = {}
        """What the steps of the case in hand share: numbers, ids, answers."""

    def new_case(self) -> None:
        """A new case begins: it has numbers and ids of its own."""
        self.of_case = {}

    # --- what a case is about -----------------------------------------------------------------------------------

    def side(self, name: str) -> Side:
        """Raises CannotPlay."""
        if name not in self._credentials.sides:
            raise CannotPlay(f"a partner `{name}`")
        return self._credentials.sides[name]

    def number(self, kind: str = "owing", which: int = 1) -> str:
        """A number of this kind, the same through the whole case. Raises CannotPlay when there is none left."""
        key = f"{kind}{which}"
        if key not in self.of_case:
            left = self._left.get(kind, [])
            if len(left) <= (kind == "owing"):  # the last one that owes is the one nothing is posted for
                raise CannotPlay(
                    f"a number that is `{kind}`: {why_none(kind, named=kind in self._credentials.numbers)}"
                )
            self.of_case[key] = left.pop(0)
        return str(self.of_case[key])

    def any_number(self) -> str:
        """One that nothing is going to be posted for."""
        if not self._credentials.numbers.get("owing"):
            raise CannotPlay(f"a number that is `owing`: {why_none('owing', named=False)}")
        return self._credentials.numbers["owing"][-1]

    def code(self) -> QrCode:
        """A QR code that nobody paid, the same through the whole case. Raises CannotPlay when there is none left."""
        if "code" not in self.of_case:
            if not self._codes:
                raise CannotPlay(f"a QR code that is `live`: {why_none('live', named=bool(self._credentials.codes))}")
            self.of_case["code"] = self._codes.pop(0)
        found: QrCode = self.of_case["code"]
        return found

    def voided(self) -> VoidedPayment:
        """A payment that was taken out of the books; it may be repeated any number of times. Raises CannotPlay."""
        if not self._credentials.voided:
            raise CannotPlay(f"a payment that is `voided`: {why_none('voided', named=False)}")
        return self._credentials.voided[0]

    def id(self, name: str = "R") -> str:
        """A request id, the same through the whole case."""
        return str(self.of_case.setdefault(f"id {name}", f"{name}-{self._run}-{next(self._counts)}"))

    def external_id(self) -> str:
        return f"{int(self._run, 16) % 10**8:08d}{next(self._counts):08d}"

    def business_now(self) -> datetime:
        return self._wall() + timedelta(seconds=self._credentials.business_offset_s)

    def quoted(self) -> str:
        """The amount of the last inquiry of this case that was answered with one. Raises CannotPlay."""
        if "quoted" not in self.of_case:
            raise CannotPlay("an inquiry that was answered")
        return str(self.of_case["quoted"])

    # --- bodies -------------------------------------------------------------------------------------------------

    def account(self, number: str, side: str = "plain", *, padded: bool = True) -> Body:
        prefix = self.side(side).prefix
        shown = prefix.rjust(8) if padded else prefix
        return {"partnerServiceId": shown, "customerNo": number, "virtualAccountNo": shown + number}

    def inquiry(self, number: str, side: str = "plain", **more: Any) -> Message:
        body = {**self.account(number, side), "inquiryRequestId": self.id(), **more}
        return Message(service="inquiry", body=_without_none(body), side=side)

    def payment(self, number: str, value: Any, side: str = "plain", **more: Any) -> Message:
        body = {
            **self.account(number, side),
            "paymentRequestId": self.id(),
            "paidAmount": {"value": value, "currency": "IDR"},
            "trxDateTime": iso(self.business_now()),
            **more,
        }
        return Message(service="payment", body=_without_none(body), side=side)

    def status(self, number: str, side: str = "plain", **more: Any) -> Message:
        return Message(service="status", body=_without_none({**self.account(number, side), **more}), side=side)

    def notice(self, told: str, side: str = "acquirer", **more: Any) -> Message:
        """What became of a code: `told` is its latestTransactionStatus. `more` replaces fields, or leaves them out with None."""
        body = {"originalReferenceNo": self.id("Q"), "latestTransactionStatus": told, **more}
        return Message(service="notice", body=_without_none(body), side=side)

    def strange_key(self) -> rsa.RSAPrivateKey:
        """A key that nobody agreed on."""
        if self._strange is None:
            self._strange = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return self._strange

    # --- the wire -----------------------------------------------------------------------------------------------

    async def send(self, message: Message) -> Answer:
        """Signs, sends, and takes note of a quoted amount. Raises httpx errors."""
        side = self.side(message.side)
        raw, path = message.raw(), self._prefix + (message.path or f"/v1.0/{PATHS[message.service]}")
        headers = (
            await self._token_headers(message, side)
            if message.service == "token"
            else await self._headers(message, side, path, raw)
        )
        sent = {name: value for name, value in {**headers, **message.headers}.items() if value is not None}
        answer = _answer(await self._client.request(message.method, path, content=raw, headers=sent))
        if answer.code == "2002400" and isinstance(total := answer.data.get(PRICE_FIELD), dict):
            self.of_case["quoted"] = total.get("value")
        return answer

    async def token(self, side: str) -> str:
        """A live token of this side, asked for once. Raises CannotPlay when there is none to be had."""
        if side not in self._tokens:
            answer = await self.send(Message(service="token", body={"grantType": "client_credentials"}, side=side))
            if answer.code != "2007300":
                raise CannotPlay(f"a token of `{side}` ({answer.code or answer.status})")
            self._tokens[side] = str(answer.body["accessToken"])
        return self._tokens[side]

    async def new_token(self, side: str) -> str:
        """Another one beside those that live."""
        self._tokens.pop(side, None)
        return await self.token(side)

    async def _headers(self, message: Message, side: Side, path: str, raw: bytes) -> dict[str, str]:
        timestamp = message.time(self._wall() + timedelta(seconds=message.skew_s))
        hashed = signing.digest(raw if message.signed is None else message.signed)
        signed_path = self._prefix + message.signed_path if message.signed_path else path
        common = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": timestamp,
            "X-PARTNER-ID": side.partner_id,
            "X-EXTERNAL-ID": self.external_id(),
            "CHANNEL-ID": "95221",
        }
        if side.asymmetric:
            text = message.text(f"{message.method}:{signed_path}:{hashed}:{timestamp}")
            made = signing.with_key(message.key or side.key(), text)
            return common | {"X-SIGNATURE": message.spelt(made)}
        token = message.token if message.token is not None else await self.token(message.side)
        text = message.text(f"{message.method}:{signed_path}:{token}:{hashed}:{timestamp}")
        made = signing.with_secret(message.secret or side.client_secret, text)
        return common | {"Authorization": f"Bearer {token}", "X-SIGNATURE": message.spelt(made)}

    async def _token_headers(self, message: Message, side: Side) -> dict[str, str]:
        timestamp = message.time(self._wall() + timedelta(seconds=message.skew_s))
        text = message.text(f"{side.client_key}|{timestamp}")
        return {
            "Content-Type": "application/json",
            "X-TIMESTAMP": timestamp,
            "X-CLIENT-KEY": side.client_key,
            "X-SIGNATURE": message.spelt(signing.with_key(message.key or side.key(), text)),
        }


def _answer(response: httpx.Response) -> Answer:
    try:
        found = response.json()
    except ValueError:
        found = {}
    return Answer(response.status_code, response.headers, found if isinstance(found, dict) else {}, response.text)


def _without_none(body: Body) -> Body:
    """A field that is None is left out."""
    return {name: value for name, value in body.items() if value is not None}


def changed(message: Message, **changes: Any) -> Message:
    """The same call with these deviations."""
    return replace(message, **changes)
