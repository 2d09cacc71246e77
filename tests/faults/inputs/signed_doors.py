"""Doors that no token opens, called by who may (a bank, an acquirer, the gateway, the holder of a link): what they send is odd in one place."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import httpx

from services.notifications.api.receipts import sign
from tests.faults.inputs.schema_cases import odd_somewhere
from tests.faults.threats.served import GATEWAY_SECRET
from tests.faults.threats.tenants import Tenant
from tests.integration.payments.acquirer import teller
from tests.integration.payments.bank import Bank, sign_rsa
from tests.integration.payments.people import register
from tests.support.service import Harness

Make = Callable[[str, random.Random], dict[str, Any]]
"""(operation, dice) → the arguments of a request."""


async def callers(service: str, h: Harness, tenant: Tenant) -> Make:
    """Who calls the doors of a service that are opened by a signature. payments: somebody owes, and a partner with a live token asks."""
    if service == "payments":
        return await _bank(h, tenant)
    return lambda operation, dice: _gateway(h, tenant, dice)


async def _bank(h: Harness, tenant: Tenant) -> Make:
    bank = await Bank(h, "bank-s", "8700", "client-s", "a-secret-of-the-tests-0007", "87001").enable()
    acquirer = await teller(h).enable()
    owing, link = (await register(h)).code, await _proof_link(h, tenant)

    def body(service: str, dice: random.Random) -> dict[str, Any]:
        request_id = f"ODD-{dice.getrandbits(40)}"
        wanted: dict[str, dict[str, Any]] = {
            "b2b": {"grantType": "client_credentials", "additionalInfo": {}},
            "inquiry": {**bank.number(owing), "inquiryRequestId": request_id, "trxDateInit": bank.business_now()},
            "payment": bank.payment(owing, 1, request_id, flagAdvise="N", referenceNo="1", paidBills="1"),
            "status": {**bank.number(owing), "inquiryRequestId": request_id, "paymentRequestId": request_id},
            "qr-mpm-notify": {
                "originalReferenceNo": request_id,
                "latestTransactionStatus": "00",
                "amount": {"value": "1.00", "currency": "IDR"},
                "additionalInfo": {"paidTime": bank.business_now()},
            },
        }
        return wanted[service]

    def make(operation: str, dice: random.Random) -> dict[str, Any]:
        method, _, path = operation.partition(" ")
        if path.startswith("/proofs/"):
            return {"method": method, "url": link.path, "params": odd_somewhere(dict(link.params), dice), "headers": {}}
        service = path.rpartition("/")[2]
        raw = json.dumps(odd_somewhere(body(service, dice), dice)).encode()
        headers = (acquirer if service == "qr-mpm-notify" else bank).envelope(path, raw)
        if service == "b2b":
            text = f"{bank.client_key}|{headers['X-TIMESTAMP']}"
            headers |= {"X-CLIENT-KEY": bank.client_key, "X-SIGNATURE": sign_rsa(text, bank.key)}
        return {"method": method, "url": path, "content": raw, "headers": headers}

    return make


async def _proof_link(h: Harness, tenant: Tenant) -> httpx.URL:
    """Where the proof of a payment lies for who has the link."""
    path = f"/payments/{tenant.values['payment_id']}/proof-link"
    answer = await h.client.get(path, headers=tenant.headers(h, "officer"))
    assert answer.status_code == 200, answer.text
    return httpx.URL(answer.json()["path"])


def _gateway(h: Harness, tenant: Tenant, dice: random.Random) -> dict[str, Any]:
    now = h.clock.wall().isoformat()
    receipt = {"message_id": "m-1", "reference": tenant.values["notification_id"], "status": "delivered", "at": now}
    raw = json.dumps(odd_somewhere(receipt, dice)).encode()
    headers = {"X-Timestamp": now, "X-Signature": sign(GATEWAY_SECRET, now, raw), "Content-Type": "application/json"}
    return {"method": "POST", "url": "/gateway/receipts", "content": raw, "headers": headers}
