"""The drop rules as facts: told once, by the dated rule of the month, of agents at work (domain.md section 2)."""

from __future__ import annotations

from datetime import date
from typing import Any

from contracts.events.agency import AgentDropped, AgentReinstated, IncentiveScheme
from contracts.events.incentives import AgentDropFellDue
from contracts.values import ContributionMonth
from tests.integration.payments.agency import Worker, close_month, end, engage, hire, suspend
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire, buy, statement
from tests.integration.payments.test_parameters import enact, propose
from tests.support.service import Harness

OLD = IncentiveScheme.OLD
OCTOBER = ContributionMonth(2025, 10)


async def told(h: Harness) -> list[tuple[Any, str, int, int, str]]:
    """(agent, month, months without, months of the rule, rules) of every fact."""
    return [
        (e.agent_id, str(e.month), e.months_without, e.drop_months, r.envelope.rules)
        for r in await h.events("incentives")
        if isinstance(e := r.event, AgentDropFellDue)
    ]


async def closed(h: Harness, through: ContributionMonth) -> None:
    """Every run through this month, worked off."""
    on = through + 1
    for _ in range(through - OCTOBER + 1):
        await close_month(h, at(on.year, on.month, 3, 0))


async def due(h: Harness, worker: Worker, **asked: Any) -> list[str]:
    """Months of the agent's statements that say so, as the branch lists them."""
    headers = h.token(roles=["officer"], branch_id=worker.scope.branch_id)
    found = await h.client.get("/incentives/statements", params={"drop_due": True, **asked}, headers=headers)
    assert found.status_code == 200, found.text
    return [one["month"] for one in found.json()["items"] if one["agent_id"] == str(worker.agent_id)]


async def test_a_new_agent_falls_under_it_after_three_full_months_whatever_was_collected(
    h: Harness, bank: Bank
) -> None:
    """October is the month of the activation, so it does not count: due with January, and told once."""
    worker = await hire(h, await engage(h))
    (who,) = await acquire(h, bank, worker, 1)
    h.clock.set(at(2025, 12, 10))
    await buy(bank, who)
    await closed(h, ContributionMonth(2025, 12))
    assert await told(h) == []
    await closed(h, ContributionMonth(2026, 2))
    assert await told(h) == [(worker.agent_id, "2026-01", 3, 3, "perisai-drop/2017-11")]
    assert await due(h, worker) == ["2026-02", "2026-01"]
    found = await statement(h, worker, "2026-01")
    assert (found["months_without"], found["drop_months"], found["drop_due"]) == (3, 3, True)
    assert (await statement(h, worker, "2025-12"))["drop_due"] is False


async def test_an_old_agent_is_kept_by_any_contribution(h: Harness, bank: Bank) -> None:
    worker, idle = await hire(h, wadah := await engage(h, scheme=OLD)), await hire(h, wadah)
    (who,) = await acquire(h, bank, worker, 1)
    h.clock.set(at(2025, 12, 10))
    await buy(bank, who)
    await closed(h, ContributionMonth(2026, 2))
    assert [(agent, month) for agent, month, *_ in await told(h)] == [(idle.agent_id, "2026-01")]


async def test_a_result_in_between_begins_anew_and_a_second_fall_is_told_again(h: Harness, bank: Bank) -> None:
    worker = await hire(h, await engage(h))
    await closed(h, ContributionMonth(2026, 1))
    h.clock.set(at(2026, 2, 10))
    bank.token = (await bank.ask_token()).json()["accessToken"]
    await acquire(h, bank, worker, 1)
    await closed(h, ContributionMonth(2026, 5))
    assert [(month, months) for _, month, months, *_ in await told(h)] == [("2026-01", 3), ("2026-05", 3)]
    assert await due(h, worker) == ["2026-05", "2026-01"]


async def test_another_rule_holds_from_its_month_and_older_statements_keep_theirs(h: Harness, bank: Bank) -> None:
    one = await hire(h, await engage(h))
    version = await enact(
        h, "drop_months", {"valid_from": "2026-01-01", "source": "Perdir contoh", "value": {"months": 2}}
    )
    await closed(h, ContributionMonth(2025, 12))
    assert await told(h) == []
    before = await statement(h, one, "2025-12")
    assert (before["months_without"], before["drop_months"], before["drop_due"]) == (2, 3, False)
    path = f"/agents/{one.agent_id}/activity"
    assert (await h.client.get(path, headers=one.token(h))).json()["months"][0]["warning"] == "SECOND"
    h.clock.set(at(2026, 1, 15))
    two = await hire(h, await engage(h))
    await closed(h, ContributionMonth(2026, 3))
    assert await told(h) == [(one.agent_id, "2026-01", 3, 2, version), (two.agent_id, "2026-03", 2, 2, version)]
    months = (await h.client.get(f"/agents/{two.agent_id}/activity", headers=two.token(h))).json()["months"]
    assert [(m["months_without"], m["warning"]) for m in months] == [(2, "DROP_DUE"), (1, "FIRST"), (0, None)]


async def test_a_rule_may_begin_in_a_month_that_is_still_open_and_never_in_a_closed_one(h: Harness) -> None:
    await hire(h, await engage(h))
    wanted = {"valid_from": "2025-10-01", "source": "Perdir contoh", "value": {"months": 2}}
    assert (await propose(h, "drop_months", wanted)).status_code == 201
    await closed(h, OCTOBER)
    refused = await propose(h, "drop_months", wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "parameters_too_early")
    for months in (0, 25):
        wrong = await propose(h, "drop_months", wanted | {"value": {"months": months}})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "value.months")


async def test_who_is_suspended_is_told_of_when_he_works_again_and_never_under_an_agreement_that_has_ended(
    h: Harness,
) -> None:
    away, gone = await hire(h, await engage(h)), await hire(h, ended := await engage(h))
    h.clock.set(at(2025, 12, 20))
    await suspend(h, away)
    await end(h, ended, date(2026, 1, 31))
    await closed(h, ContributionMonth(2026, 1))
    assert await told(h) == []
    assert (await statement(h, away, "2026-01"))["months_without"] == 3
    h.clock.set(at(2026, 2, 20))
    reinstated = AgentReinstated(agent_id=away.agent_id)
    await h.deliver(h.record(reinstated, key=away.agent_id, scope=away.scope))
    await closed(h, ContributionMonth(2026, 2))
    assert [(agent, month, months) for agent, month, months, *_ in await told(h)] == [(away.agent_id, "2026-02", 4)]
    assert await due(h, gone) == []


async def test_who_comes_back_after_a_drop_is_counted_anew_from_his_return(h: Harness) -> None:
    worker = await hire(h, await engage(h))
    await closed(h, ContributionMonth(2026, 1))
    h.clock.set(at(2026, 2, 5))
    dropped = AgentDropped(agent_id=worker.agent_id, dropped_on=date(2026, 2, 5), reason="no_result")
    await h.deliver(h.record(dropped, key=worker.agent_id, scope=worker.scope))
    await closed(h, ContributionMonth(2026, 7))
    h.clock.set(at(2026, 8, 6))
    back = AgentReinstated(agent_id=worker.agent_id)
    await h.deliver(h.record(back, key=worker.agent_id, scope=worker.scope))
    await closed(h, ContributionMonth(2026, 10))
    assert (await statement(h, worker, "2026-10"))["months_without"] == 2
    await closed(h, ContributionMonth(2026, 11))
    assert [month for _, month, *_ in await told(h)] == ["2026-01", "2026-11"]
