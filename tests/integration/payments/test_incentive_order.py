"""Whoever sums statements and whoever issues one meet: processes that work the same run side by side lose nobody's pay."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from chassis.timers import Due, Timer, Timers
from services.payments.incentive_timers import RUNS, STATEMENTS, WADAH
from services.payments.tables.incentives import wadah_statements
from tests.integration.payments.agency import Worker, close_month, engage, hire, hired
from tests.integration.payments.bank import Bank, at
from tests.integration.payments.incentive_doors import acquire
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.turns import listed, side_by_side

HIGH = 36_800 * 15 // 100


async def work(h: Harness, timer: Timer, due: list[Due]) -> None:
    await h.run(timer.use_case, due)


async def late_agent(h: Harness, bank: Bank, *, alone: bool) -> tuple[Worker, list[Any]]:
    """He acquired two people in October; payments is told of him in the night of the run. `alone`: his Wadah has nobody else."""
    known = await hire(h, wadah := await engage(h))
    late, told = hired(h, await engage(h) if alone else wadah)
    await acquire(h, bank, late, 2)
    await acquire(h, bank, known, 1)
    h.clock.set(at(2025, 11, 3, 0))
    for timer in (RUNS, STATEMENTS):
        await h.due(timer)
    return late, told


async def paid(h: Harness, late: Worker) -> int:
    """All that the payouts of his Wadah hold, once both months are closed."""
    await close_month(h, at(2025, 11, 3, 1))
    await close_month(h, at(2025, 12, 3, 0))
    runs = (await h.client.get("/incentives/runs", headers=h.token(roles=["auditor"]))).json()
    assert [run["completed_at"] is not None for run in runs] == [True, True]
    w = wadah_statements
    query = sa.select(sa.func.sum(w.c.payout)).where(w.c.wadah_id == late.scope.wadah_id)
    async with h.app.read() as conn:
        return int((await conn.execute(query)).scalar_one())


@pytest.mark.parametrize("first", [WADAH, STATEMENTS])
async def test_an_agent_who_is_told_of_while_his_wadah_gets_its_statement_is_paid_once(
    h: Harness, bank: Bank, first: str
) -> None:
    late, told = await late_agent(h, bank, alone=False)
    of_wadah = await listed(h, WADAH)
    await h.deliver(*told)
    of_agents = await listed(h, STATEMENTS)
    one, other = (of_wadah, of_agents) if first == WADAH else (of_agents, of_wadah)
    await side_by_side(h, one[0].use_case, one[1], lambda: work(h, *other))
    assert await paid(h, late) == 3 * HIGH * 11 // 10


async def test_an_agent_who_is_told_of_after_his_wadah_was_listed_is_paid_once(h: Harness, bank: Bank) -> None:
    late, told = await late_agent(h, bank, alone=False)
    of_wadah = await listed(h, WADAH)
    await h.deliver(*told)
    of_agents = await listed(h, STATEMENTS)
    await work(h, *of_wadah)
    await work(h, *of_agents)
    assert await paid(h, late) == 3 * HIGH * 11 // 10


async def test_an_agent_who_is_told_of_while_the_run_ends_is_paid_once(h: Harness, bank: Bank) -> None:
    """His Wadah had no statement to wait for, so nothing but the end of the run says that its month is over."""
    late, told = await late_agent(h, bank, alone=True)
    await h.due(WADAH)

    async def heard_of() -> None:
        await h.deliver(*told)
        await work(h, *await listed(h, STATEMENTS))

    runs, due = await listed(h, RUNS)
    await side_by_side(h, runs.use_case, due, heard_of)
    assert await paid(h, late) == 2 * HIGH * 11 // 10


@pytest.mark.timeout(120)
async def test_months_that_have_passed_are_computed_without_a_pace_between_their_steps(h: Harness, bank: Bank) -> None:
    """Six months, each of a run that opens, its statements, the Wadah's and its end: with a pace of an hour between them, they were never done."""
    await acquire(h, bank, await hire(h, await engage(h)), 1)
    h.clock.set(at(2026, 4, 3, 0))
    stop = asyncio.Event()
    slow = [replace(timer, every_s=3_600) for timer in h.app.composition.timers]
    timers = Timers(h.app.engine, h.app.batches, h.clock, slow, service=h.service.name)
    running = asyncio.create_task(timers.run(stop))

    async def all_complete() -> bool:
        async with h.app.read() as conn:
            query = "SELECT count(*) FROM incentive_runs WHERE completed_at IS NOT NULL"
            return bool((await conn.exec_driver_sql(query)).scalar_one() == 6)

    await eventually(all_complete, what="six runs were complete")
    stop.set()
    await running
