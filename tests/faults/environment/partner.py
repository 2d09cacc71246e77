"""A bank's hand at the doors of payments over real HTTP: it signs what it likes, when it likes, under the name it likes.

Signing is the simulator's own (`deploy.local.bank.signing`), written from the published standard, not that of the service.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from deploy.local import programs
from deploy.local.bank.clock import snap_time, wall_now
from deploy.local.bank.ids import new_external_id
from deploy.local.bank.keys import public_pem
from deploy.local.bank.signing import sign_symmetric, sign_token_request
from deploy.local.outreach import history
from tests.support.estate import Estate

PATH = "/snap/v1.0"
PAYMENT = f"{PATH}/transfer-va/payment"


@dataclass
class Partner:
    """One agreement: who it says it is, and the secrets it has. `token` is asked for once."""

    estate: Estate
    client_key: str
    partner_id: str
    prefix: str
    secret: str
    key: rsa.RSAPrivateKey
    token: str = ""

    @classmethod
    async def the_bank(cls, estate: Estate) -> Partner:
        """The demonstration's own bank, with the secrets of its folder."""
        stack = estate.stack
        pem = (stack.folder / "bank" / "bank-private.pem").read_bytes()
        key = load_pem_private_key(pem, password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        secret = stack.secrets.token("bank-client-secret")
        made = cls(estate, programs.BANK_CLIENT_KEY, programs.BANK_PARTNER_ID, programs.BANK_VA_PREFIX, secret, key)
        return await made.with_token()

    @classmethod
    async def another(cls, estate: Estate) -> Partner:
        """A second bank, with an agreement of its own and another range of numbers."""
        key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        made = cls(estate, "other-bank", "82002", "8200", secrets.token_urlsafe(32), key)
        terms = {
            "partner": "other-bank",
            "name": "Bank Lain",
            "client_key": made.client_key,
            "client_secret": made.secret,
            "partner_ids": [made.partner_id],
            "va_prefixes": [made.prefix],
            "public_keys": [public_pem(key)],
        }
        await estate.town.doors.post("payments", "/partners", history.CENTRAL, terms, key=f"other-{made.secret[:8]}")
        return await made.with_token()

    async def with_token(self) -> Partner:
        timestamp = snap_time(wall_now())
        headers = {
            "Content-Type": "application/json",
            "X-TIMESTAMP": timestamp,
            "X-CLIENT-KEY": self.client_key,
            "X-SIGNATURE": sign_token_request(self.key, client_key=self.client_key, timestamp=timestamp),
        }
        answer = await self._post(f"{PATH}/access-token/b2b", b'{"grantType":"client_credentials"}', headers)
        self.token = str(answer.json()["accessToken"])
        return self

    def payment(self, code: str, amount: int, request_id: str, *, prefix: str = "") -> bytes:
        """The bytes of a payment of this virtual account."""
        range_ = (prefix or self.prefix).rjust(8)
        sum_ = {"value": f"{amount}.00", "currency": "IDR"}
        body = {
            "partnerServiceId": range_,
            "customerNo": code,
            "virtualAccountNo": range_ + code,
            "paymentRequestId": request_id,
            "paidAmount": sum_,
            "totalAmount": sum_,
            "flagAdvise": "N",
        }
        return json.dumps(body, separators=(",", ":")).encode()

    def headers(self, body: bytes, *, age_s: float = 0, partner_id: str = "", secret: str = "") -> dict[str, str]:
        """A whole envelope over these bytes, `age_s` old, under this or another name and secret."""
        timestamp = snap_time(wall_now() - timedelta(seconds=age_s))
        signature = sign_symmetric(
            secret or self.secret, method="POST", path=PAYMENT, token=self.token, body=body, timestamp=timestamp
        )
        return {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self.token}",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": signature,
            "X-PARTNER-ID": partner_id or self.partner_id,
            "X-EXTERNAL-ID": new_external_id(),
            "CHANNEL-ID": "6011",
        }

    async def send(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Sends a payment as it is; gives the response code, e.g. "4012500"."""
        found: dict[str, Any] = (await self._post(PAYMENT, body, headers)).json()
        return str(found["responseCode"])

    async def _post(self, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        return await self.estate.client.post(
            self.estate.url("payments-api") + path, content=body, headers=dict(headers)
        )
