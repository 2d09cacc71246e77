"""Money of a tenant that went astray: a case with a proposal that waits, an account, an order, a refund."""

from __future__ import annotations

from typing import Any

from chassis.transaction import Scope
from tests.integration.payments.bank import Bank, code
from tests.integration.payments.people import Somebody, close, register
from tests.integration.payments.test_arrivals import arrival, arrive
from tests.support.service import Harness


async def astray(h: Harness, bank: Bank, who: Somebody, scope: Scope) -> dict[str, str]:
    """What fills the slots: `astray_payment_id` waits in suspense; all of it belongs to the tenant alone."""
    (case,) = await arrive(h, arrival(h, who, f"ASTRAY-{who.code}", 50_000))
    money = {"payment_id": str(case.payment_ids[0]), "reason": "checked"}
    account = {"kind": "PARTICIPANT", "owner_id": str(who.participant_id), **_ACCOUNT}
    payee = await _post(h, scope, "officer", "/payee-accounts", account)
    key = payee["payee_account_id"]
    await _post(h, scope, "checker", f"/payee-accounts/{key}/verification", {"evidence": "buku 1"})
    returning = {**money, "action": "RETURN", "payee_account_id": key}
    first = await _post(h, scope, "officer", "/proposals", {**returning, "amount": 1_000})
    order = await _post(h, scope, "checker", f"/proposals/{first['proposal_id']}/approval", None)
    waiting = await _post(h, scope, "officer", "/proposals", {**returning, "amount": 2_000})
    await _refund(h, bank, scope)
    return {
        "astray_payment_id": money["payment_id"],
        "payee_account_id": key,
        "order_id": order["order_id"],
        "proposal_id": waiting["proposal_id"],
    }


async def _refund(h: Harness, bank: Bank, scope: Scope) -> None:
    """Somebody who paid ahead and died."""
    gone = await register(h, scope=scope)
    wanted = {"participant_id": str(gone.participant_id), "months": 3}
    await _post(h, scope, "officer", "/bills", wanted)
    assert code(await bank.buy(gone.code)) == "2002500"
    await close(h, gone, h.clock.business().date(), scope=scope)


def _headers(h: Harness, scope: Scope, role: str) -> dict[str, str]:
    return h.token(roles=[role], subject=f"{role}-astray", branch_id=scope.branch_id)


async def _post(h: Harness, scope: Scope, role: str, path: str, body: Any) -> Any:
    response = await h.client.post(path, json=body, headers=_headers(h, scope, role))
    assert response.status_code in (200, 201), response.text
    return response.json()


_ACCOUNT = {"bank_code": "008", "number": "1370001234567", "holder": "Contoh Penerima"}
