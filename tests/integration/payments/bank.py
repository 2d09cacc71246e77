"""A bank written by hand from the published standard: it signs, numbers and sends; nothing of ours is used to make a call."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.service import Harness

JAKARTA = ZoneInfo("Asia/Jakarta")
PATH = "/snap/v1.0"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
_NUMBERS = itertools.count(1)


def pem(key: rsa.RSAPrivateKey = KEY) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def sign_rsa(text: str, key: rsa.RSAPrivateKey = KEY) -> str:
    return base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()


@dataclass
class Bank:
    """One partner's side. `headers` of a call may be replaced or (None) left out."""

    h: Harness
    partner: str = "bank-a"
    prefix: str = "8100"
    client_key: str = "client-a"
    secret: str = "a-secret-of-the-tests-0001"
    partner_id: str = "81001"
    asymmetric: bool = False
    key: rsa.RSAPrivateKey = field(default_factory=lambda: KEY)
    token: str = ""

    def terms(self, **changes: Any) -> dict[str, Any]:
        return {
            "partner": self.partner,
            "name": f"Bank {self.partner}",
            "client_key": self.client_key,
            "client_secret": self.secret,
            "partner_ids": [self.partner_id],
            "va_prefixes": [self.prefix],
            "public_keys": [pem(self.key)],
            "signature_mode": "ASYMMETRIC" if self.asymmetric else "SYMMETRIC",
            **changes,
        }

    async def enable(self, **changes: Any) -> Bank:
        response = await self.h.client.post(
            "/partners", json=self.terms(**changes), headers=self.h.token(roles=["central"])
        )
        assert response.status_code == 201, response.text
        if not self.asymmetric:
            self.token = (await self.ask_token()).json()["accessToken"]
        return self

    def now(self) -> str:
        return self.h.clock.wall().astimezone(JAKARTA).isoformat(timespec="seconds")

    def business_now(self) -> str:
        return self.h.clock.business().astimezone(JAKARTA).isoformat(timespec="seconds")

    async def ask_token(
        self, body: bytes = b'{"grantType":"client_credentials"}', headers: dict[str, str | None] | None = None
    ) -> httpx.Response:
        headers = headers or {}
        timestamp = headers.get("X-TIMESTAMP") or self.now()
        client_key = headers.get("X-CLIENT-KEY") or self.client_key
        sent = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": timestamp,
            "X-CLIENT-KEY": client_key,
            "X-SIGNATURE": sign_rsa(f"{client_key}|{timestamp}", self.key),
        } | headers
        given = {name: value for name, value in sent.items() if value is not None}
        return await self.h.client.post(f"{PATH}/access-token/b2b", content=body, headers=given)

    def number(self, customer_no: str) -> dict[str, str]:
        psid = self.prefix.rjust(8)
        return {"partnerServiceId": psid, "customerNo": customer_no, "virtualAccountNo": psid + customer_no}

    def envelope(self, path: str, raw: bytes, method: str = "POST") -> dict[str, str]:
        timestamp, digest = self.now(), hashlib.sha256(raw).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": timestamp,
            "X-PARTNER-ID": self.partner_id,
            "X-EXTERNAL-ID": str(next(_NUMBERS)).zfill(12),
            "CHANNEL-ID": "95221",
        }
        if self.asymmetric:
            return headers | {"X-SIGNATURE": sign_rsa(f"{method}:{path}:{digest}:{timestamp}", self.key)}
        text = f"{method}:{path}:{self.token}:{digest}:{timestamp}"
        mac = hmac.new(self.secret.encode(), text.encode(), hashlib.sha512).digest()
        return headers | {"Authorization": f"Bearer {self.token}", "X-SIGNATURE": base64.b64encode(mac).decode()}

    async def send(
        self, service: str, body: dict[str, Any] | bytes, headers: dict[str, str | None] | None = None, query: str = ""
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        path = f"{PATH}/transfer-va/{service}{query}"
        sent = self.envelope(path, raw) | (headers or {})
        given = {name: value for name, value in sent.items() if value is not None}
        return await self.h.client.post(path, content=raw, headers=given)

    async def inquire(
        self, customer_no: str, request_id: str | None = None, headers: dict[str, str | None] | None = None, **more: Any
    ) -> httpx.Response:
        request_id = request_id or f"INQ-{next(_NUMBERS)}"
        return await self.send("inquiry", {**self.number(customer_no), "inquiryRequestId": request_id, **more}, headers)

    def payment(self, customer_no: str, amount: int | str, request_id: str, **more: Any) -> dict[str, Any]:
        value = amount if isinstance(amount, str) else f"{amount}.00"
        return {
            **self.number(customer_no),
            "paymentRequestId": request_id,
            "paidAmount": {"value": value, "currency": "IDR"},
            "trxDateTime": self.business_now(),
            **more,
        }

    async def pay(
        self,
        customer_no: str,
        amount: int | str,
        request_id: str | None = None,
        headers: dict[str, str | None] | None = None,
        **more: Any,
    ) -> httpx.Response:
        request_id = request_id or f"OWN-{next(_NUMBERS)}"
        return await self.send("payment", self.payment(customer_no, amount, request_id, **more), headers)

    async def status(self, customer_no: str, **ids: Any) -> httpx.Response:
        return await self.send("status", {**self.number(customer_no), **ids})

    async def buy(self, customer_no: str) -> httpx.Response:
        """Inquires and pays what was quoted."""
        quoted = (await self.inquire(customer_no, request_id := f"BUY-{next(_NUMBERS)}")).json()
        assert quoted["responseCode"] == "2002400", quoted
        amount = quoted["virtualAccountData"]["totalAmount"]["value"]
        return await self.pay(customer_no, amount, request_id)


def code(response: httpx.Response) -> str:
    """The response code, after checking that the HTTP status agrees and that it is a text of seven digits."""
    found = response.json()["responseCode"]
    assert isinstance(found, str)
    assert len(found) == 7
    assert found[:3] == str(response.status_code)
    assert response.headers["X-TIMESTAMP"]
    return found


def at(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """An instant in Jakarta."""
    return datetime(year, month, day, hour, minute, tzinfo=JAKARTA)
