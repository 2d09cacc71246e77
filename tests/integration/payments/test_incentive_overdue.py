"""A payout that is not confirmed by the end of the 5th is told of once, shown with what to do, and ends with the money (domain.md section 7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contracts.events.incentives import IncentivePayoutOverdue, PayoutHindrance
from contracts.values import WIB
from tests.integration.payments.agency import Worker, close_month, engage, hire
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, wadah_statement
from tests.integration.payments.people import BRANCH
from tests.integration.payments.test_incentive_payouts import PAYOUT, account, officer, treasurer, work_off
from tests.support.service import Harness

LAST_MOMENT, OVER = datetime(2025, 11, 5, 23, 59, 59, tzinfo=WIB), datetime(2025, 11, 6, tzinfo=WIB)
ACCOUNT = {"kind": "WADAH", "bank_code": "014", "number": "1234567890", "holder": "Wadah Contoh"}


async def owed(h: Harness, bank: Bank, on: datetime) -> Worker:
    """A Wadah to which October's statement, issued by then, owes money."""
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, on)
    return worker


async def told(h: Harness) -> list[IncentivePayoutOverdue]:
    return [e for r in await h.events("incentives") if isinstance(e := r.event, IncentivePayoutOverdue)]


async def look(h: Harness) -> None:
    for timer in ("incentive-orders", "incentive-payouts", "incentive-overdue"):
        await h.due(timer)


async def shown(h: Harness, **asked: Any) -> list[dict[str, Any]]:
    response = await h.client.get("/incentives/payouts", params=asked, headers=officer(h))
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


async def attention(h: Harness) -> dict[str, int]:
    found: dict[str, int] = (await h.client.get("/ops/status", headers=h.token(roles=["operator"]))).json()["attention"]
    return found


async def confirm(h: Harness, order_id: str, paid_on: str) -> None:
    confirmed = await h.client.post(
        f"/transfer-orders/{order_id}/confirmation",
        json={"partner": "bank-a", "paid_on": paid_on, "evidence": "Mutasi 7"},
        headers=treasurer(h),
    )
    assert confirmed.status_code == 200, confirmed.text


async def test_an_order_that_nobody_confirmed_is_told_of_once_when_the_5th_is_over(h: Harness, bank: Bank) -> None:
    worker = await owed(h, bank, at(2025, 11, 4, 1))
    await account(h, worker)
    h.clock.set(LAST_MOMENT)
    await look(h)
    assert await told(h) == []
    assert (await attention(h))["incentive_payouts_overdue"] == 0
    h.clock.set(OVER)
    await look(h)
    await look(h)
    h.clock.set(at(2025, 11, 7, 12))
    await look(h)
    (overdue,) = await told(h)
    order_id = (await wadah_statement(h, worker, "2025-10"))["order_id"]
    assert (overdue.amount, overdue.pay_by, str(overdue.order_id)) == (PAYOUT, OVER, order_id)
    assert overdue.hindrance is PayoutHindrance.NOT_CONFIRMED
    (one,) = await shown(h, overdue=True)
    assert (one["payout"], one["overdue"], one["days_overdue"], one["order_id"]) == (PAYOUT, True, 2, order_id)
    assert one["told_at"] == "2025-11-05T17:00:00Z"
    assert "/confirmation" in one["what_to_do"]["id"]
    assert "/confirmation" in one["what_to_do"]["en"]
    assert (await attention(h))["incentive_payouts_overdue"] == 1


async def test_the_alarm_ends_with_the_confirmation_also_while_it_is_not_noted_yet(h: Harness, bank: Bank) -> None:
    worker = await owed(h, bank, at(2025, 11, 4, 1))
    await account(h, worker)
    h.clock.set(at(2025, 11, 6, 12))
    await look(h)
    order_id = (await wadah_statement(h, worker, "2025-10"))["order_id"]
    await confirm(h, order_id, "2025-11-06")
    assert await shown(h) == []
    assert (await attention(h))["incentive_payouts_overdue"] == 0
    await look(h)
    assert (await wadah_statement(h, worker, "2025-10"))["paid_at"] is not None
    assert await shown(h) == []
    assert len(await told(h)) == 1
    assert (await h.replay()).differences == []


async def test_what_was_confirmed_on_the_5th_is_never_told_of_though_it_is_noted_later(h: Harness, bank: Bank) -> None:
    worker = await owed(h, bank, at(2025, 11, 4, 1))
    await account(h, worker)
    await work_off(h)
    h.clock.set(LAST_MOMENT)
    await confirm(h, (await wadah_statement(h, worker, "2025-10"))["order_id"], "2025-11-05")
    h.clock.set(at(2025, 11, 6, 1))
    await h.due("incentive-overdue")
    await look(h)
    assert await told(h) == []


async def test_a_wadah_without_an_account_is_seen_from_the_3rd_and_overdue_as_any_other(h: Harness, bank: Bank) -> None:
    worker = await owed(h, bank, at(2025, 11, 3, 1))
    await look(h)
    (one,) = await shown(h)
    assert (one["hindrance"], one["overdue"], one["days_overdue"], one["order_id"]) == (
        "ACCOUNT_MISSING",
        False,
        0,
        None,
    )
    assert "belum punya rekening" in one["what_to_do"]["id"]
    assert "has no account" in one["what_to_do"]["en"]
    assert (await attention(h))["incentive_payouts_without_account"] == 1
    wanted = {**ACCOUNT, "owner_id": str(worker.scope.wadah_id)}
    recorded = await h.client.post("/payee-accounts", json=wanted, headers=officer(h))
    assert recorded.status_code == 201, recorded.text
    assert [one["hindrance"] for one in await shown(h)] == ["ACCOUNT_NOT_VERIFIED"]
    assert (await attention(h))["incentive_payouts_without_account"] == 1
    h.clock.set(OVER)
    await look(h)
    (overdue,) = await told(h)
    assert (overdue.hindrance, overdue.order_id) == (PayoutHindrance.ACCOUNT_NOT_VERIFIED, None)
    verified = await h.client.post(
        f"/payee-accounts/{recorded.json()['payee_account_id']}/verification",
        json={"evidence": "Buku rekening"},
        headers=h.token(roles=["checker"], subject="checker-1", branch_id=BRANCH),
    )
    assert verified.status_code == 200, verified.text
    assert [one["hindrance"] for one in await shown(h, overdue=True)] == ["NOT_ORDERED"]
    assert (await attention(h))["incentive_payouts_without_account"] == 0
    h.clock.set(at(2025, 11, 6, 5))
    await look(h)
    assert [one["hindrance"] for one in await shown(h, overdue=True)] == ["NOT_CONFIRMED"]
    assert len(await told(h)) == 1
    assert (await h.replay()).differences == []


async def test_only_the_own_branch_and_the_own_wadah_see_it(h: Harness, bank: Bank) -> None:
    worker = await owed(h, bank, at(2025, 11, 3, 1))
    other = await engage(h)
    board = h.token(roles=["coordinator"], wadah_id=worker.scope.wadah_id)
    assert len((await h.client.get("/incentives/payouts", headers=board)).json()["items"]) == 1
    for headers in (
        h.token(roles=["coordinator"], wadah_id=other.wadah_id),
        h.token(roles=["officer"], branch_id=other.wadah_id),
    ):
        assert (await h.client.get("/incentives/payouts", headers=headers)).json() == {"items": [], "next": None}
    agent = await h.client.get("/incentives/payouts", headers=worker.token(h))
    assert agent.status_code == 403


async def test_a_run_that_is_not_finished_by_then_needs_somebody_too(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    h.clock.set(LAST_MOMENT)
    await h.due("incentive-runs")
    assert (await attention(h))["incentive_runs_unfinished"] == 0
    h.clock.set(OVER)
    assert (await attention(h))["incentive_runs_unfinished"] == 1
    await close_month(h, OVER)
    assert (await attention(h))["incentive_runs_unfinished"] == 0
