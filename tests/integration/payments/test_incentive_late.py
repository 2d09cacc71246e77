"""What reaches a run too late for it is paid with the next: nothing is lost and nothing is paid twice."""

from __future__ import annotations

from contracts.events.participants import RefusalReason
from services.payments.domain.parameters.incentives import NEW_SET
from tests.integration.payments.agency import RUN_TIMERS, close_month, engage, hire, hired
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, ahead, buy, lines, statement, wadah_statement
from tests.integration.payments.people import refuse
from tests.integration.payments.test_parameters import enact
from tests.support.service import Harness

MONTH, HIGH, LOW = 36_800, 36_800 * 15 // 100, 36_800 * 5 // 100
SHORT = NEW_SET.model_dump(mode="json") | {"rates": [{"through": 2, "bps": 1_500}, {"through": 60, "bps": 500}]}
"""The high rate for two months instead of 24."""


async def test_a_month_that_is_paid_after_it_was_taken_back_counts_again_before_those_that_follow_it(
    h: Harness, bank: Bank
) -> None:
    """October to December are paid in October (k 1, 2, 3). November's payment falls in November and is made anew in December."""
    worker = await hire(h, await engage(h))
    await enact(h, "incentive_set_new", {"valid_from": "2025-10-01", "source": "contoh", "value": SHORT})
    (who,) = await acquire(h, bank, worker, 1)
    november = await ahead(h, bank, worker, who, 1)
    await ahead(h, bank, worker, who, 1)
    await close_month(h, at(2025, 11, 3, 0))
    assert (await statement(h, worker, "2025-10"))["payable"] == 2 * HIGH + LOW
    h.clock.set(at(2025, 11, 5))
    await refuse(h, who, november, RefusalReason.REACTIVATED_MEANWHILE)
    await close_month(h, at(2025, 12, 3, 0))
    found = await statement(h, worker, "2025-11")
    assert (found["adjusted"], found["carried_out"]) == (-LOW, -LOW)  # December is the second month now
    h.clock.set(at(2025, 12, 10))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    await buy(bank, who)
    await close_month(h, at(2026, 1, 3, 0))
    found = await statement(h, worker, "2025-12")
    own = [(line["contribution_month"], line["k"]) for line in await lines(h, worker, "2025-12") if line["sign"] > 0]
    assert own == [("2025-11", 2), ("2025-12", 3)]
    assert [(a["month"], a["agent"] - a["before"]) for a in found["adjustments"]] == [("2025-10", LOW - HIGH)]
    assert (found["payable"], found["carried_out"]) == (0, 0)  # in all 2 HIGH + LOW, as if nothing had happened


async def test_an_agent_who_is_told_of_after_the_statement_of_his_wadah_is_paid_with_the_next(
    h: Harness, bank: Bank
) -> None:
    """What the Wadah is paid for October is said already: a statement of October would be in no payout."""
    known = await hire(h, wadah := await engage(h))
    late, told = hired(h, wadah)
    await acquire(h, bank, late, 2)
    h.clock.set(at(2025, 11, 3, 0))
    for timer in RUN_TIMERS[:3]:
        await h.due(timer)
    await h.deliver(*told)
    await close_month(h, at(2025, 11, 3, 1))
    await close_month(h, at(2025, 12, 3, 0))
    found = await statement(h, late, "2025-11")
    assert [(a["month"], a["agent"]) for a in found["adjustments"]] == [("2025-10", 2 * HIGH)]
    assert found["payable"] == 2 * HIGH
    payouts = [(await wadah_statement(h, known, month))["payout"] for month in ("2025-10", "2025-11")]
    assert payouts == [0, 2 * HIGH * 11 // 10]
    runs = (await h.client.get("/incentives/runs", headers=h.token(roles=["auditor"]))).json()
    assert [run["completed_at"] is not None for run in runs] == [True, True]
