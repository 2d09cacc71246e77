"""The monthly run of the incentives through the doors: register, pay over SNAP, close the month, read the statement."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import pytest

from contracts.events.agency import IncentiveScheme
from contracts.events.participants import RefusalReason
from contracts.values import ContributionMonth, Programme
from services.payments.domain.parameters.incentives import NEW_SET
from tests.integration.payments.agency import close_month, end, engage, hire, suspend
from tests.integration.payments.bank import Bank, at, code
from tests.integration.payments.incentive_doors import (
    acquire,
    ahead,
    buy,
    enrol,
    lines,
    statement,
    wadah_statement,
)
from tests.integration.payments.people import reactivate, reassign, refuse
from tests.integration.payments.test_parameters import decide, enact, propose
from tests.support.service import Harness

NEW, OLD = IncentiveScheme.NEW, IncentiveScheme.OLD
CASES = [
    # domain.md section 13: id, scheme, month, new people of 36,800 each, received, acquisition, agent, Wadah
    ("C1", NEW, at(2025, 10, 6), 50, 1_840_000, 750_000, 1_026_000, 102_600),
    ("C2", NEW, at(2025, 10, 6), 30, 1_104_000, 450_000, 615_600, 61_560),
    ("C4-50", OLD, at(2022, 10, 6), 50, 1_840_000, 500_000, 574_200, 63_800),
    ("C4-30", OLD, at(2022, 10, 6), 30, 1_104_000, 0, 74_520, 8_280),
    ("C4-100", OLD, at(2022, 10, 6), 100, 3_680_000, 500_000, 698_400, 77_600),
]
"""An OLD agreement keeps its scheme for as long as it is in force, so the month may be any."""


@pytest.mark.parametrize(
    ("scheme", "day", "people", "received", "acquisition", "agent", "wadah"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
async def test_the_official_cases_come_out_to_the_rupiah(
    h: Harness,
    scheme: IncentiveScheme,
    day: datetime,
    people: int,
    received: int,
    acquisition: int,
    agent: int,
    wadah: int,
) -> None:
    h.clock.set(day)
    bank = await Bank(h).enable()
    worker = await hire(h, await engage(h, scheme=scheme))
    await acquire(h, bank, worker, people, programmes=(Programme.JKK, Programme.JKM, Programme.JHT))
    month = f"{day:%Y-%m}"
    await close_month(h, at(day.year, day.month + 1, 3, 0))
    found = await statement(h, worker, month)
    assert (found["acquisitions"], found["received"], found["acquisition_pay"]) == (people, received, acquisition)
    assert (found["agent"], found["payable"], found["lines"]) == (agent, agent, 2 * people)
    whole = await wadah_statement(h, worker, month)
    assert (whole["agents_payable"], whole["share"], whole["payout"]) == (agent, wadah, agent + wadah)
    assert [one["payable"] for one in whole["of_agents"]] == [agent]


async def test_a_run_waits_for_its_day_and_is_made_once(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 2, 23, 59))
    assert await h.events("incentive-runs") == []
    await close_month(h, at(2025, 11, 3, 0))
    made = [r.event.type for r in await h.events("incentives")]
    assert made == ["IncentiveEarned", "IncentiveStatementIssued", "WadahStatementIssued"]
    await close_month(h, at(2025, 11, 20))
    assert [r.event.type for r in await h.events("incentive-runs")] == ["IncentiveRunOpened", "IncentiveRunCompleted"]
    assert [r.event.type for r in await h.events("incentives")] == made
    runs = (await h.client.get("/incentives/runs", headers=h.token(roles=["central"]))).json()
    assert [(run["month"], run["agents_done"], run["lines_done"], run["agents_awaiting"]) for run in runs] == [
        ("2025-10", 1, 4, None)
    ]


async def test_months_that_were_slept_through_are_run_in_their_order(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    (who,) = await acquire(h, bank, worker, 1)
    h.clock.set(at(2025, 12, 10))
    await buy(bank, who)
    for _ in range(4):
        await close_month(h, at(2026, 2, 3, 0))
    months = [str(r.event.month) for r in await h.events("incentive-runs")]  # type: ignore[attr-defined]
    assert months == sorted(["2025-10", "2025-11", "2025-12", "2026-01"] * 2)
    # November and December were paid in December
    received = [(await statement(h, worker, month))["received"] for month in ("2025-10", "2025-11", "2025-12")]
    assert received == [36_800, 0, 73_600]


async def test_a_lost_first_payment_takes_the_whole_acquisition_pay_in_the_next_run(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    people = await enrol(h, worker, 25)
    paid = [await buy(bank, who) for who in people]
    await close_month(h, at(2025, 11, 3, 0))
    october, wadah_october = await statement(h, worker, "2025-10"), await wadah_statement(h, worker, "2025-10")
    assert october["payable"] == 25 * 15_000 + 25 * 36_800 * 15 // 100 == 513_000
    h.clock.set(at(2025, 11, 10))
    await refuse(h, people[0], paid[0], RefusalReason.ENTRY_AGE_EXCEEDED)
    await buy(bank, people[1])
    await close_month(h, at(2025, 12, 3, 0))
    november = await statement(h, worker, "2025-11")
    (adjusted,) = november["adjustments"]
    after = 24 * 36_800 * 15 // 100
    assert (adjusted["month"], adjusted["before"], adjusted["agent"]) == ("2025-10", 513_000, after)
    due = 36_800 * 15 // 100 + after - 513_000
    assert (november["adjusted"], november["payable"], november["carried_out"]) == (after - 513_000, 0, due)
    taken = [line for line in await lines(h, worker, "2025-11") if line["sign"] < 0]
    assert [(line["month"], line["with_jht"], line["received"]) for line in taken] == [
        ("2025-10", True, None),
        ("2025-10", None, 36_800),
    ]
    whole = await wadah_statement(h, worker, "2025-11")
    assert whole["adjustments"] == [{"month": "2025-10", "before": 51_300, "share": after // 10}]
    assert (whole["payout"], whole["carried_out"]) == (0, 36_800 * 15 // 1_000 + after // 10 - 51_300)
    assert await statement(h, worker, "2025-10") == october
    assert await wadah_statement(h, worker, "2025-10") == wadah_october
    # the balance is carried on until later pay covers it; nothing is adjusted twice
    await close_month(h, at(2026, 1, 3, 0))
    december = await statement(h, worker, "2025-12")
    assert (december["carried_in"], december["carried_out"], december["adjusted"]) == (due, due, 0)


async def test_money_of_a_closed_month_that_comes_late_is_an_adjustment(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 24)
    (late,) = await enrol(h, worker, 1)
    await close_month(h, at(2025, 11, 3, 0))
    assert (await statement(h, worker, "2025-10"))["acquisition_pay"] == 0
    h.clock.set(at(2025, 11, 5))
    answer = await bank.pay(late.code, 36_800, trxDateTime="2025-10-31T23:00:00+07:00")
    assert code(answer) == "2002500", answer.text
    await close_month(h, at(2025, 12, 3, 0))
    found = await statement(h, worker, "2025-11")
    assert found["adjusted"] == 25 * 15_000 + 25 * 36_800 * 15 // 100 - 24 * 36_800 * 15 // 100
    assert [(a["month"], a["acquisitions"], a["reason"]) for a in found["adjustments"]] == [
        ("2025-10", 25, "lines_added")
    ]


async def test_a_prepaid_month_moves_with_its_manager_as_an_adjustment(h: Harness, bank: Bank) -> None:
    wadah = await engage(h)
    one, other = await hire(h, wadah), await hire(h, wadah)
    (who,) = await enrol(h, one, 1)
    await ahead(h, bank, one, who, 6)
    await close_month(h, at(2025, 11, 3, 0))
    assert (await statement(h, one, "2025-10"))["received"] == 6 * 36_800
    h.clock.set(at(2025, 11, 20))
    await reassign(h, who, other.agent_id, "2025-12")
    await close_month(h, at(2025, 12, 3, 0))
    left, came = await statement(h, one, "2025-11"), await statement(h, other, "2025-11")
    assert [(a["month"], a["received"]) for a in left["adjustments"]] == [("2025-10", 2 * 36_800)]
    assert [(a["month"], a["received"]) for a in came["adjustments"]] == [("2025-10", 4 * 36_800)]
    moved = [(line["contribution_month"], line["k"]) for line in await lines(h, other, "2025-11")]
    assert moved == [("2025-12", 1), ("2026-01", 2), ("2026-02", 3), ("2026-03", 4)]
    assert came["payable"] == 4 * 36_800 * 15 // 100
    await reassign(h, who, None, "2026-02")
    await close_month(h, at(2026, 1, 3, 0))
    assert [a["received"] for a in (await statement(h, other, "2025-12"))["adjustments"]] == [2 * 36_800]


async def test_a_new_spell_has_no_acquisition_and_counts_from_one_under_its_manager(h: Harness, bank: Bank) -> None:
    wadah = await engage(h)
    one, other = await hire(h, wadah), await hire(h, wadah)
    (who,) = await acquire(h, bank, one, 1)
    h.clock.set(at(2026, 3, 10))
    await buy(bank, who)
    await reactivate(h, who, other.agent_id, "2026-03")
    for month, year in ((11, 2025), (12, 2025), (1, 2026), (2, 2026), (3, 2026), (4, 2026)):
        if (year, month) >= (2026, 4):
            await close_month(h, at(year, month, 3, 0))
    for _ in range(6):
        await close_month(h, at(2026, 4, 3, 0))
    assert (await statement(h, one, "2026-03"))["received"] == 0
    found = await statement(h, other, "2026-03")
    assert (found["acquisitions"], found["received"]) == (0, 36_800)
    assert [(line["contribution_month"], line["k"]) for line in await lines(h, other, "2026-03")] == [("2026-03", 1)]


async def test_an_agent_who_is_suspended_acquires_nobody_and_still_earns_on_contributions(
    h: Harness, bank: Bank
) -> None:
    worker = await hire(h, await engage(h))
    people = await enrol(h, worker, 2)
    await buy(bank, people[0])
    h.clock.set(at(2025, 10, 20))
    await suspend(h, worker)
    await buy(bank, people[1])
    await close_month(h, at(2025, 11, 3, 0))
    found = await statement(h, worker, "2025-10")
    assert (found["acquisitions"], found["received"]) == (1, 73_600)


async def test_nobody_is_acquired_twice_and_nobody_by_himself(h: Harness, bank: Bank) -> None:
    wadah = await engage(h)
    worker = await hire(h, wadah)
    (himself,) = await enrol(h, worker, 1)
    own = await hire(h, wadah, participant_id=himself.participant_id)
    await buy(bank, himself)
    await acquire(h, bank, worker, 1, new_to_bpu=False)
    (mine,) = await enrol(h, own, 1)
    await buy(bank, mine)
    await close_month(h, at(2025, 11, 3, 0))
    assert (await statement(h, worker, "2025-10"))["acquisitions"] == 1
    assert (await statement(h, own, "2025-10"))["acquisitions"] == 1


async def test_what_was_prepaid_beyond_the_end_of_an_agreement_goes_back_to_the_branch(h: Harness, bank: Bank) -> None:
    wadah = await engage(h)
    worker = await hire(h, wadah)
    (who,) = await enrol(h, worker, 1)
    await ahead(h, bank, worker, who, 3)
    await close_month(h, at(2025, 11, 3, 0))
    h.clock.set(at(2025, 11, 20))
    await end(h, wadah, date(2025, 11, 15))
    await close_month(h, at(2025, 12, 3, 0))
    found = await statement(h, worker, "2025-11")
    assert [(a["received"], a["reason"]) for a in found["adjustments"]] == [(2 * 36_800, "lines_taken_back")]
    await close_month(h, at(2026, 1, 3, 0))
    assert (await statement(h, worker, "2025-12"))["adjustments"] == []


async def test_who_pays_after_the_last_day_of_the_agreement_is_acquired_by_nobody(h: Harness, bank: Bank) -> None:
    """It ends at 24:00 WIB of its last day; the month of the end is still managed."""
    wadah = await engage(h)
    worker = await hire(h, wadah)
    people = await enrol(h, worker, 3)
    h.clock.set(at(2025, 10, 15, 23, 59))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    await buy(bank, people[0])
    await end(h, wadah, date(2025, 10, 15))
    h.clock.set(at(2025, 10, 16, 0))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    await buy(bank, people[1])
    await close_month(h, at(2025, 11, 3, 0))
    found = await statement(h, worker, "2025-10")
    assert (found["acquisitions"], found["received"]) == (1, 73_600)


async def test_an_end_that_is_told_late_takes_the_acquisitions_after_it_back(h: Harness, bank: Bank) -> None:
    wadah = await engage(h)
    worker = await hire(h, wadah)
    await acquire(h, bank, worker, 1)
    await close_month(h, at(2025, 11, 3, 0))
    assert (await statement(h, worker, "2025-10"))["acquisitions"] == 1
    h.clock.set(at(2025, 11, 20))
    await end(h, wadah, date(2025, 10, 5))
    await close_month(h, at(2025, 12, 3, 0))
    found = await statement(h, worker, "2025-11")
    assert [(a["acquisitions"], a["reason"]) for a in found["adjustments"]] == [(0, "lines_taken_back")]
    await close_month(h, at(2026, 1, 3, 0))
    assert (await statement(h, worker, "2025-12"))["adjustments"] == []


async def test_a_statement_costs_the_branch_what_it_says(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await acquire(h, bank, worker, 2)
    await close_month(h, at(2025, 11, 3, 0))
    books = (await h.client.get("/ledger/trial-balance", headers=h.token(roles=["auditor"]))).json()
    balances = {one["account"]: one["balance"] for one in books["accounts"]}
    payout = 2 * 36_800 * 15 // 100 * 11 // 10
    assert balances["incentive-expense"] == -balances[f"incentives-payable:{worker.scope.wadah_id}"] == payout
    assert books["imbalance"] == 0


async def test_months_without_result_are_counted_and_warned_of(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    (who,) = await acquire(h, bank, worker, 1)
    h.clock.set(at(2025, 12, 10))
    await buy(bank, who)
    for _ in range(5):
        await close_month(h, at(2026, 2, 3, 0))
    path = f"/agents/{worker.agent_id}/activity"
    months = (await h.client.get(path, headers=worker.token(h))).json()["months"]
    assert [(m["month"], m["acquisitions"], m["received"], m["months_without"], m["warning"]) for m in months] == [
        ("2026-01", 0, 0, 3, "DROP_DUE"),
        ("2025-12", 0, 73_600, 2, "SECOND"),
        ("2025-11", 0, 0, 1, "FIRST"),
        ("2025-10", 1, 36_800, 0, None),
    ]


async def test_an_old_agreement_counts_any_contribution_as_a_result(h: Harness) -> None:
    h.clock.set(at(2025, 10, 6))
    bank = await Bank(h).enable()
    worker = await hire(h, await engage(h, scheme=OLD))
    (who,) = await acquire(h, bank, worker, 1)
    h.clock.set(at(2025, 12, 10))
    await buy(bank, who)
    for _ in range(4):
        await close_month(h, at(2026, 1, 3, 0))
    found = [(await statement(h, worker, str(ContributionMonth(2025, 10) + n)))["months_without"] for n in range(3)]
    assert found == [0, 1, 0]


async def trace(h: Harness, headers: dict[str, str], agent_id: Any, month: str, line: int) -> list[dict[str, Any]]:
    path = f"/incentives/agents/{agent_id}/statements/{month}/lines/{line}/events"
    response = await h.client.get(path, headers=headers)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()
    return found


async def test_every_line_leads_to_its_events(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    (who,) = await acquire(h, bank, worker, 1)
    await reassign(h, who, worker.agent_id, "2025-11")
    await close_month(h, at(2025, 11, 3, 0))
    log = {str(r.envelope.event_id): r.event.type for r in await h.events()}
    for line in await lines(h, worker, "2025-10"):
        behind = await trace(h, worker.token(h), worker.agent_id, "2025-10", line["line"])
        assert [one["type"] for one in behind] == ["PayerAdded", "ContributionPaid", "ManagerChanged"]
        assert all(log[one["event_id"]] == one["type"] for one in behind)
        assert behind[1]["payment_id"] == line["payment_id"]


async def test_months_paid_ahead_are_earned_as_they_come_where_the_set_of_the_payment_says_so(
    h: Harness, bank: Bank
) -> None:
    """Of one person who paid ahead before the set and one after it; then the second payment is taken back."""
    worker = await hire(h, await engage(h))
    version = await enact(h, "incentive_set_new", as_they_come("2025-11-01"))
    (before,) = await enrol(h, worker, 1)
    await ahead(h, bank, worker, before, 3)
    await close_month(h, at(2025, 11, 3, 0))
    h.clock.set(at(2025, 11, 10))
    (after,) = await enrol(h, worker, 1)
    payment = await ahead(h, bank, worker, after, 3)
    for day in (at(2025, 12, 3, 0), at(2026, 1, 3, 0)):
        await close_month(h, day)
    found = {month: await statement(h, worker, month) for month in ("2025-10", "2025-11", "2025-12")}
    assert [one["received"] for one in found.values()] == [110_400, 36_800, 36_800]
    assert [one["acquisitions"] for one in found.values()] == [1, 1, 0]
    assert [one["adjusted"] for one in found.values()] == [0, 0, 0]
    assert (found["2025-11"]["rules"], found["2025-12"]["rules"]) == (version, version)
    h.clock.set(at(2026, 1, 10))
    await refuse(h, after, payment, RefusalReason.ENTRY_AGE_EXCEEDED)
    await close_month(h, at(2026, 2, 3, 0))
    january = await statement(h, worker, "2026-01")
    assert (january["received"], january["adjusted"]) == (0, -2 * 36_800 * 15 // 100)
    assert [one["month"] for one in january["adjustments"]] == ["2025-11", "2025-12"]


async def test_arrears_are_earned_with_their_payment_whatever_the_set_says(h: Harness, bank: Bank) -> None:
    await enact(h, "incentive_set_new", as_they_come("2025-10-07"))
    worker = await hire(h, await engage(h))
    (who,) = await acquire(h, bank, worker, 1)
    await close_month(h, at(2025, 11, 3, 0))
    await close_month(h, at(2025, 12, 3, 0))
    h.clock.set(at(2025, 12, 10))
    await buy(bank, who)
    await close_month(h, at(2026, 1, 3, 0))
    december = await statement(h, worker, "2025-12")
    assert (december["received"], december["adjustments"]) == (73_600, [])


class TestBackdatedSets:
    """A set of the incentive is asked for a month that is over: until its run closes, it may still be agreed upon."""

    async def test_a_set_of_a_month_that_still_runs_counts_for_all_of_it(self, h: Harness, bank: Bank) -> None:
        version = await enact(h, "incentive_set_new", as_they_come("2025-10-01"))
        worker = await hire(h, await engage(h))
        await acquire(h, bank, worker, 1)
        await close_month(h, at(2025, 11, 3, 0))
        assert (await statement(h, worker, "2025-10"))["rules"] == version
        (opened,) = [r for r in await h.events("incentive-runs") if r.event.type == "IncentiveRunOpened"]
        assert opened.envelope.rules == "perisai-incentive-run/2017-11"

    async def test_what_a_closed_run_used_stays_as_it_is(self, h: Harness, bank: Bank) -> None:
        worker = await hire(h, await engage(h))
        await acquire(h, bank, worker, 1)
        waiting = (await propose(h, "incentive_set_new", as_they_come("2025-10-01"))).json()["set_id"]
        await close_month(h, at(2025, 11, 3, 0))
        october = await statement(h, worker, "2025-10")
        own = {"subject": str(worker.scope.wadah_id)}
        for wanted in (as_they_come("2025-10-01"), as_they_come("2025-09-01"), as_they_come("2025-10-01") | own):
            refused = await propose(h, "incentive_set_new", wanted)
            assert (refused.status_code, refused.json()["code"]) == (409, "parameters_too_early")
            assert "2025-10-02" in refused.json()["messages"]["en"]
        late = await decide(h, "incentive_set_new", waiting, "approve")
        assert (late.status_code, late.json()["code"]) == (409, "parameters_too_early")
        assert (await propose(h, "tax_bps", tax("2025-11-01"))).status_code == 409
        assert (await propose(h, "tax_bps", tax("2025-11-02"))).status_code == 201
        await enact(h, "incentive_set_new", as_they_come("2025-10-02"))
        assert await statement(h, worker, "2025-10") == october

    async def test_a_day_before_a_run_closes_its_month_is_settled(self, h: Harness, bank: Bank) -> None:
        await hire(h, await engage(h))
        h.clock.set(at(2025, 11, 1, 23))
        assert (await propose(h, "incentive_set_new", as_they_come("2025-10-01"))).status_code == 201
        h.clock.set(at(2025, 11, 2, 0))
        assert (await propose(h, "incentive_set_new", as_they_come("2025-10-01"))).status_code == 409
        assert await h.events("incentive-runs") == []

    async def test_before_the_first_agent_worked_any_day_will_do_and_prices_still_begin_tomorrow(
        self, h: Harness
    ) -> None:
        await enact(h, "incentive_set_old", as_they_come("2019-01-01"))
        assert (await propose(h, "incentive_run_days", run_days("2025-10-06"))).status_code == 409


def as_they_come(valid_from: str) -> dict[str, Any]:
    value = json.loads(NEW_SET.model_dump_json()) | {"recognition": "ON_CONTRIBUTION_MONTH"}
    return {"valid_from": valid_from, "source": "PKS contoh", "value": value}


def tax(valid_from: str) -> dict[str, Any]:
    return {"valid_from": valid_from, "source": "PMK contoh", "value": {"bps": 200}}


def run_days(valid_from: str) -> dict[str, Any]:
    value = {"close": 2, "statements": 3, "orders": 4, "paid": 5}
    return {"valid_from": valid_from, "source": "our choice", "value": value}
