"""Migrations that fill a column of rows there are: afterwards the old database says what a replay of its log says.

Each test plays a story through the doors of today, lays its log and the rows as an older version had them into a database of that version,
migrates that on, and compares it with the database in which the story was played.
"""

from __future__ import annotations

from datetime import date
from uuid import UUID

from contracts.events.agency import AgentDropped, AgentReinstated
from tests.integration.payments.agency import close_month, end, engage, hire, suspend
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire
from tests.integration.payments.office import Office, paid
from tests.integration.payments.people import AGENT, WADAH, close, reassign, register
from tests.support.backfills import migrated, rows_of
from tests.support.service import Harness
from tests.support.settlement import DAY, marked
from tests.support.stack import Stack


async def at_the_office(h: Harness) -> Office:
    office = Office(h)
    assert (await office.agree()).status_code == 201
    return office


async def test_0015_the_day_on_which_a_participation_ended_is_that_of_its_event(h: Harness, stack: Stack) -> None:
    dead, early, alive = [await register(h) for _ in range(3)]
    await close(h, dead, date(2025, 10, 4))
    await close(h, early, date(2025, 9, 30))
    wanted = {
        dead.participant_id: date(2025, 10, 4),
        early.participant_id: date(2025, 9, 30),
        alive.participant_id: None,
    }
    async with migrated(h, stack, before="0014", tables=["payers"]) as old, h.app.read() as played:
        found = await rows_of(old, "payers", "participant_id, closed_on")
        assert {row["participant_id"]: row["closed_on"] for row in found} == wanted
        assert found == await rows_of(played, "payers", "participant_id, closed_on")


async def test_0015_lines_of_before_gave_their_id(h: Harness, bank: Bank, stack: Stack) -> None:
    office = await at_the_office(h)
    await office.reconcile(marked(*await paid(h, bank, 2)))
    unset = ["UPDATE settlement_lines SET unnamed = NULL"]
    async with (
        migrated(h, stack, before="0014", tables=["settlement_lines"], as_it_was=unset) as old,
        h.app.read() as played,
    ):
        found = await rows_of(old, "settlement_lines")
        assert [row["unnamed"] for row in found] == [False, False]
        assert found == await rows_of(played, "settlement_lines")


async def test_0018_a_day_knows_the_account_lines_of_its_money(h: Harness, bank: Bank, stack: Stack) -> None:
    office = await at_the_office(h)
    lines = await paid(h, bank, 3)
    path = f"/settlements/days/bank-a/{DAY}"
    await office.reconcile(marked(*lines[:2]))
    for evidence, amount in (("MT940/1", 35_800), ("MT940/2", 35_799)):
        assert (await office.post(f"{path}/credits", {"amount": amount, "evidence": evidence})).status_code == 201
    other = date(2025, 10, 7)
    h.pass_time(days=1)
    await office.reconcile(marked(lines[2], day=other), other)
    async with (
        migrated(h, stack, before="0017", tables=["settlement_days", "settlement_files"]) as old,
        h.app.read() as played,
    ):
        found = await rows_of(old, "settlement_days")
        assert [row["credits"] for row in found] == [{"MT940/1": 35_800, "MT940/2": 35_799}, {}]
        assert found == await rows_of(played, "settlement_days")
        assert [row["layout"] for row in await rows_of(old, "settlement_files")] == [None, None]


async def test_0018_an_account_line_that_was_noted_twice_stands_with_both_amounts(
    h: Harness, bank: Bank, stack: Stack
) -> None:
    office = await at_the_office(h)
    await office.reconcile(marked(*await paid(h, bank)))
    credit = {"amount": 35_800, "evidence": "MT940/1"}
    assert (await office.post(f"/settlements/days/bank-a/{DAY}/credits", credit)).status_code == 201
    columns = "stream, key, bucket, type, version, rules, occurred_at, recorded_at, actor, correlation_id, payload"
    again = (
        f"INSERT INTO event_log (event_id, seq, {columns}) SELECT gen_random_uuid(),"
        f" (SELECT max(seq) + 1 FROM event_log o WHERE (o.stream, o.key) = (l.stream, l.key)), {columns}"
        " FROM event_log l WHERE type = 'SettlementReceived'"
    )
    moved = "SELECT setval(pg_get_serial_sequence('event_log', 'position'), (SELECT max(position) FROM event_log))"
    async with migrated(h, stack, before="0017", tables=["settlement_days"], as_it_was=[moved, again]) as old:
        assert [row["credits"] for row in await rows_of(old, "settlement_days")] == [{"MT940/1": 71_600}]


async def test_0020_who_manages_is_whoever_was_named_last(h: Harness, stack: Stack) -> None:
    kept, passed, orphaned = [await register(h) for _ in range(3)]
    await reassign(h, passed, None, "2025-11")
    await reassign(h, passed, UUID(int=0xD2), "2025-12")
    await reassign(h, orphaned, None, "2025-11")
    by_register = [f"UPDATE payers SET agent_id = '{AGENT}', wadah_id = '{WADAH}'"]
    async with (
        migrated(h, stack, before="0019", tables=["payers", "managements"], as_it_was=by_register) as old,
        h.app.read() as played,
    ):
        columns = "participant_id, agent_id, wadah_id, registered_by"
        found = await rows_of(old, "payers", columns)
        assert [row["agent_id"] for row in found] == [AGENT, UUID(int=0xD2), None]
        assert found == await rows_of(played, "payers", columns)
        assert kept.participant_id == found[0]["participant_id"]


async def test_0023_an_agent_began_when_he_was_activated_or_came_back(h: Harness, stack: Stack) -> None:
    wadah = await engage(h)
    still, away, gone, back = [await hire(h, wadah) for _ in range(4)]
    h.clock.set(at(2025, 11, 1))
    await suspend(h, away)
    for who in (gone, back):
        dropped = AgentDropped(agent_id=who.agent_id, dropped_on=date(2025, 11, 1), reason="no_result")
        await h.deliver(h.record(dropped, key=who.agent_id, scope=who.scope))
    h.clock.set(at(2026, 5, 2))
    for who in (away, back):
        await h.deliver(h.record(AgentReinstated(agent_id=who.agent_id), key=who.agent_id, scope=who.scope))
    async with migrated(h, stack, before="0022", tables=["agents"]) as old, h.app.read() as played:
        found = await rows_of(old, "agents", "agent_id, activated_at, began_at")
        began = {row["agent_id"]: row["began_at"] for row in found}
        assert began[still.agent_id] == began[away.agent_id] == found[0]["activated_at"]
        assert (began[gone.agent_id], began[back.agent_id]) == (None, at(2026, 5, 2))
        assert found == await rows_of(played, "agents", "agent_id, activated_at, began_at")


async def test_0034_what_was_agreed_is_the_first_agreement_and_its_statements_stand_under_it(
    h: Harness, bank: Bank, stack: Stack
) -> None:
    """A Wadah whose agreement ended early, and one that knows of no end."""
    ended, running = await engage(h), await engage(h, target=3)
    workers = [await hire(h, wadah) for wadah in (ended, running)]
    for worker in workers:
        await acquire(h, bank, worker, 1)
    await end(h, ended, date(2025, 10, 31))
    await close_month(h, at(2025, 11, 3, 0))
    tables = ["agreements", "incentive_reviews", "incentive_statements", "wadah_statements"]
    unknown = ["DELETE FROM incentive_reviews WHERE participant_id IS NULL AND agent_id IS NULL"]
    async with migrated(h, stack, before="0033", tables=tables, as_it_was=unknown) as old, h.app.read() as played:
        found = await rows_of(old, "agreements", order="wadah_id")
        assert [(row["agreement"], row["ended_on"]) for row in found] == [(1, date(2025, 10, 31)), (1, None)]
        assert found == await rows_of(played, "agreements", order="wadah_id")
        reviews = await rows_of(old, "incentive_reviews", "wadah_id, from_month, since", "1, 2, 3")
        assert len([row for row in reviews if row["wadah_id"] is not None]) == 3
        assert reviews == await rows_of(played, "incentive_reviews", "wadah_id, from_month, since", "1, 2, 3")
        for table in ("incentive_statements", "wadah_statements"):
            statements = await rows_of(old, table)
            assert [(row["agreement"], row["without_agreement"]) for row in statements] == [(1, False)] * 2
            assert statements == await rows_of(played, table)
