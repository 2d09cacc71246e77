"""Payments as the bank sends them: signed over the very bytes that travel, rendered before a round.

Signed as the simulator signs, with its own key and the secret that was agreed, and written down as it would: what was answered
"success" is what the bank's books hold.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import mean
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.local import programs
from deploy.local.bank.clock import snap_time, wall_now
from deploy.local.bank.ids import new_external_id, new_request_id
from deploy.local.bank.line import dumps
from deploy.local.bank.money import write_amount
from deploy.local.bank.signing import sign_symmetric, sign_token_request
from deploy.local.stack import LocalStack
from tests.bench import wire
from tests.bench.bulk import Resident
from tests.bench.generator import Answer
from tests.bench.people import PRICE

BASE = "/snap/v1.0"
PAYMENT, INQUIRY, TOKEN = "/transfer-va/payment", "/transfer-va/inquiry", "/access-token/b2b"
PAID, QUOTED = "2002500", "2002400"


@dataclass(frozen=True)
class Call:
    """A rendered request about one payer; `reference` is the paymentRequestId or inquiryRequestId."""

    who: Resident
    reference: str
    request: bytes


class Bank:
    """One partner bank with a live token."""

    def __init__(self, stack: LocalStack, url: str, business_time: datetime) -> None:
        """`url`: the payments API that is called; `business_time`: the date that payments lives in."""
        self._stack, self._url, self._business_time = stack, url, business_time
        self._secret = stack.secrets.token("bank-client-secret")
        self._token = ""
        self.mean_bytes = 0.0

    async def log_in(self) -> None:
        """A new token, good for fifteen minutes."""
        timestamp = snap_time(wall_now())
        headers = {
            "X-TIMESTAMP": timestamp,
            "X-CLIENT-KEY": programs.BANK_CLIENT_KEY,
            "X-SIGNATURE": sign_token_request(self._key(), client_key=programs.BANK_CLIENT_KEY, timestamp=timestamp),
            "Content-Type": "application/json",
        }
        async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
            body = dumps({"grantType": "client_credentials"})
            answer = await client.post(self._url + BASE + TOKEN, headers=headers, content=body)
        self._token = str(answer.raise_for_status().json()["accessToken"])

    def payments(self, people: Sequence[Resident]) -> list[Call]:
        """The first bill of each, paid."""
        calls = [self.payment(who) for who in people]
        self.mean_bytes = mean(len(call.request.partition(b"\r\n\r\n")[2]) for call in calls) if calls else 0.0
        return calls

    def payment(self, who: Resident) -> Call:
        reference, taken_at = new_request_id(), snap_time(self._business_time)
        fields = {
            **_numbers(who),
            "virtualAccountName": f"Warga {who.number:07d}",
            "paymentRequestId": reference,
            "trxId": f"TRX{who.number:012d}",
            "channelCode": 6011,
            "hashedSourceAccountNo": f"{who.number:032x}",
            "sourceBankCode": "008",
            "paidAmount": write_amount(PRICE),
            "totalAmount": write_amount(PRICE),
            "trxDateTime": taken_at,
            "referenceNo": f"{who.number:012d}",
            "journalNum": f"{who.number % 1_000_000:06d}",
            "paymentType": "1",
            "flagAdvise": "N",
            "freeTexts": [{"english": "Contribution of the month", "indonesia": "Iuran bulan ini"}],
            "additionalInfo": {"branchCode": "0810", "terminalId": f"ATM{who.number % 10_000:05d}"},
        }
        return self._call(who, PAYMENT, reference, fields)

    def inquiry(self, who: Resident) -> Call:
        reference = new_request_id()
        fields = {
            **_numbers(who),
            "trxDateInit": snap_time(self._business_time),
            "channelCode": 6011,
            "inquiryRequestId": reference,
        }
        return self._call(who, INQUIRY, reference, fields)

    def _call(self, who: Resident, path: str, reference: str, fields: dict[str, Any]) -> Call:
        body, timestamp, full = dumps(fields), snap_time(wall_now()), BASE + path
        signature = sign_symmetric(
            self._secret, method="POST", path=full, token=self._token, body=body, timestamp=timestamp
        )
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {self._token}",
            "X-TIMESTAMP": timestamp,
            "X-SIGNATURE": signature,
            "X-PARTNER-ID": programs.BANK_PARTNER_ID,
            "X-EXTERNAL-ID": new_external_id(),
            "CHANNEL-ID": "95221",
        }
        return Call(who, reference, wire.post(self._url, full, body, headers))

    def _key(self) -> rsa.RSAPrivateKey:
        pem = (Path(self._stack.folder) / "bank" / "bank-private.pem").read_bytes()
        key = serialization.load_pem_private_key(pem, password=None)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key


def code(answer: Answer) -> str:
    """The response code of an answer, "" when it has none."""
    try:
        return str(json.loads(answer.body).get("responseCode", ""))
    except ValueError:
        return ""


def _numbers(who: Resident) -> dict[str, str]:
    prefix = programs.BANK_VA_PREFIX.rjust(8)
    return {"partnerServiceId": prefix, "customerNo": who.code, "virtualAccountNo": prefix + who.code}
