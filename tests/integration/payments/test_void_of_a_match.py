"""A receipt that is voided takes the payment with it that was made of it: the branch of whose payment that is decides."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from chassis.transaction import Scope
from contracts.values import PaymentId
from tests.integration.payments.people import AGENT, WADAH, Somebody, register
from tests.integration.payments.test_suspense import (
    ELSEWHERE,
    approve,
    head,
    in_suspense,
    officer,
    open_bill,
    post,
    propose,
)
from tests.support.counters import watched
from tests.support.service import Harness
from tests.support.stack import Stack

NOBODY = "9999999999999"


def void(payment_id: PaymentId) -> dict[str, Any]:
    return {"action": "VOID", "payment_id": str(payment_id), "reason": "checked", "evidence": "file 2025-10-08"}


async def matched(h: Harness, payment_id: PaymentId, who: Somebody) -> None:
    """Two people of the central office and of the branch say whose money it is."""
    bill = await open_bill(h, who)
    more = {"participant_id": str(who.participant_id), "bill_id": bill["bill_id"], "amount": 36_800}
    wanted = {"action": "MATCH", "payment_id": str(payment_id), "reason": "checked", **more}
    made = await post(h, "/proposals", wanted, h.token(roles=["central"]), 201)
    await approve(h, made)


async def taken_back(h: Harness, who: Somebody) -> str | None:
    (payment,) = (await h.client.get(f"/payments?participant_id={who.participant_id}", headers=officer(h))).json()
    found: str | None = payment["reversed_for"]
    return found


async def test_money_of_nobody_is_voided_by_the_branch_of_whom_it_was_matched_to(h: Harness) -> None:
    who = await register(h)
    payment_id = await in_suspense(h, NOBODY, 40_000)
    await matched(h, payment_id, who)
    await post(h, "/proposals", void(payment_id), officer(h, branch=ELSEWHERE), 404)
    made = await propose(h, "VOID", payment_id, evidence="file 2025-10-08")
    await approve(h, made, 404, head(h, branch=ELSEWHERE))
    assert await taken_back(h, who) is None
    await approve(h, made)
    assert await taken_back(h, who) == "missing_at_bank"


async def test_money_of_a_payer_elsewhere_is_voided_by_the_branch_of_whom_it_was_matched_to(h: Harness) -> None:
    who, payer = await register(h), await register(h, scope=Scope(ELSEWHERE, WADAH, AGENT))
    payment_id = await in_suspense(h, payer, 40_000)
    await matched(h, payment_id, who)
    await post(h, "/proposals", void(payment_id), officer(h, branch=ELSEWHERE), 404)
    made = await post(h, "/proposals", void(payment_id), h.token(roles=["central"]), 201)
    await approve(h, made, 404, head(h, branch=ELSEWHERE))
    assert await taken_back(h, who) is None
    await approve(h, made)
    assert await taken_back(h, who) == "missing_at_bank"


async def test_what_was_proposed_before_the_match_is_not_approved_for_its_payment(h: Harness) -> None:
    """Whoever was asked then was asked of money of nobody."""
    who = await register(h)
    payment_id = await in_suspense(h, NOBODY, 40_000)
    made = await post(h, "/proposals", void(payment_id), officer(h, branch=ELSEWHERE), 201)
    await matched(h, payment_id, who)
    refused = await approve(h, made, 409, head(h, branch=ELSEWHERE))
    assert refused["code"] == "partly_used"
    assert await taken_back(h, who) is None


async def test_the_payment_of_a_receipt_is_found_without_reading_every_payment(h: Harness, stack: Stack) -> None:
    who = await register(h)
    payment_id = await in_suspense(h, NOBODY, 40_000)
    await matched(h, payment_id, who)
    async with h.app.engine.begin() as conn:
        filled = sa.text(
            "INSERT INTO payments (payment_id, partner, channel_reference, channel, participant_id, bill_id, kind, amount, months,"
            " effective_at, posted_at) SELECT gen_random_uuid(), 'bank-a', 'P-' || n, 'filled', gen_random_uuid(), gen_random_uuid(),"
            " 'NEXT', 36800, '[]', :at, :at FROM generate_series(1, 20000) AS n"
        )
        await conn.execute(filled, {"at": h.clock.business()})
    await stack.analyze(h.app.settings.database_url, "payments")
    async with watched(h.app) as seen:
        await approve(h, await propose(h, "VOID", payment_id, evidence="file 2025-10-08"))
    scans = await seen.sequential_scans({"payments"})
    async with h.app.engine.begin() as conn:  # what no event tells of is in no replay
        await conn.execute(sa.text("DELETE FROM payments WHERE channel = 'filled'"))
    assert scans == []
