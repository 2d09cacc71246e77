"""Due rows are worked in batches, oldest first; what is refused waits its turn and never stands at the head."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.tables import timer_backoff
from chassis.timers import FIRST_RETRY_S, LONGEST_RETRY_S, Due, Timer, Timers
from chassis.transaction import Scope, Tx
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import ROUNDING, Add, Counted, count, counters, toy


async def made(h: Harness, *numbers: int) -> list[UUID]:
    """New counters with these totals, oldest first."""
    ids = [new_id() for _ in numbers]
    await h.run(count, [Add(key, number) for key, number in zip(ids, numbers, strict=True)])
    return ids


async def totals(h: Harness) -> list[int]:
    async with h.app.read() as conn:
        return [row.total for row in await conn.execute(sa.select(counters).order_by(counters.c.id))]


async def waiting(h: Harness) -> dict[UUID, tuple[int, str]]:
    async with h.app.read() as conn:
        found = await conn.execute(sa.select(timer_backoff))
        return {UUID(row.key): (row.attempts, row.reason) for row in found}


async def not_before(h: Harness) -> list[timedelta]:
    async with h.app.read() as conn:
        found = await conn.execute(sa.select(timer_backoff.c.not_before).order_by(timer_backoff.c.not_before))
        return [row.not_before - h.clock.business() for row in found]


def timers(h: Harness) -> Timers:
    return Timers(h.app.engine, h.app.batches, h.clock, h.app.composition.timers, service="counting")


async def test_due_rows_are_worked_and_nothing_is_due_afterwards(stack: Stack) -> None:
    async with toy(ROUNDING, stack) as h:
        await made(h, 1, 20, 5)
        assert await h.due("round_up") == 2
        assert await totals(h) == [10, 20, 10]
        assert await h.due("round_up") == 0
        assert (await h.replay()).equal


async def test_unsettled_rows_wait_and_those_behind_them_are_worked(stack: Stack) -> None:
    async with toy(ROUNDING, stack) as h:
        refused, poison, early, _good = await made(h, 7, 8, 9, 3)
        await h.due("round_up")
        assert await totals(h) == [7, 8, 9, 10]
        assert await waiting(h) == {
            refused: (1, "unlucky_number"),
            poison: (1, "failed"),
            early: (1, "not_yet:patience"),
        }
        assert await h.due("round_up") == 0, "not looked at again before their time"


async def test_head_full_of_refused_rows_does_not_hold_up_the_rest(stack: Stack) -> None:
    async with toy(ROUNDING, stack) as h:
        await made(h, *[7] * 250, 1)
        (timer,) = h.app.composition.timers
        assert timer.batch == 200
        assert [await timers(h).fire(timer) for _ in range(3)] == [200, 51, 0]
        assert await totals(h) == [7] * 250 + [10]


async def test_each_refusal_waits_longer_up_to_an_hour(stack: Stack) -> None:
    async with toy(ROUNDING, stack) as h:
        await made(h, 7)
        waits = []
        for _ in range(12):
            await h.due("round_up")
            (wait,) = await not_before(h)
            waits.append(wait.total_seconds())
            h.clock.move(wait)
        assert waits[:3] == [FIRST_RETRY_S, 2 * FIRST_RETRY_S, 4 * FIRST_RETRY_S]
        assert waits[-1] == LONGEST_RETRY_S
        assert waits == sorted(waits)


async def test_an_unsettled_row_tells_since_when_it_waits(stack: Stack) -> None:
    async with toy(ROUNDING, stack) as h:
        begun = h.clock.business()
        await made(h, 7, 8)  # one that is refused, one whose use case raises
        for _ in range(3):
            await h.due("round_up")
            h.clock.move(timedelta(minutes=1))
        async with h.app.read() as conn:
            found = (await conn.execute(sa.select(timer_backoff))).all()
        assert [(row.attempts, row.since) for row in found] == [(3, begun), (3, begun)]


async def test_settled_row_begins_anew_next_time(stack: Stack) -> None:
    async with toy(ROUNDING, stack) as h:
        (key,) = await made(h, 7)
        await h.due("round_up")
        await h.run(count, [Add(key, 1 + 5)])  # 13: no longer refused
        h.clock.move(timedelta(seconds=FIRST_RETRY_S))
        await h.due("round_up")
        assert await totals(h) == [20]
        assert await waiting(h) == {}, "no trace of the refusal, and no row left behind for ever"


@pytest.mark.parametrize("size", [1, 200])
async def test_a_batch_costs_the_same_statements_and_one_commit_for_any_size(stack: Stack, size: int) -> None:
    async with toy(ROUNDING, stack) as h:
        await made(h, *[1] * (size - 1), 7)
        (timer,) = h.app.composition.timers
        statements, commits = await h.statements()
        assert await timers(h).fire(timer) == size
        after = await h.statements()
        expected = 8 if size > 1 else 6  # a batch of one refusal appends and projects nothing
        assert (after[0] - statements, after[1] - commits) == (expected, 1)


async def test_two_processes_firing_at_once_work_each_row_once(stack: Stack) -> None:
    async with toy(ROUNDING, stack) as h:
        ids = await made(h, *[3] * 40)
        (timer,) = h.app.composition.timers
        await asyncio.gather(*(timers(h).fire(timer) for _ in range(4)))
        assert await totals(h) == [10] * 40
        seqs = [(e.envelope.key, e.event.by) for e in await h.events() if isinstance(e.event, Counted)]
        assert sorted(seqs) == sorted([(str(key), by) for key in ids for by in (3, 7)])


async def test_running_timer_works_what_falls_due_and_stops_when_told(stack: Stack) -> None:
    async with toy(ROUNDING, stack) as h:
        stop = asyncio.Event()
        running = asyncio.create_task(timers(h).run(stop))
        await made(h, 4, 7)

        async def rounded() -> bool:
            return await totals(h) == [10, 7]

        await eventually(rounded)
        stop.set()
        await running


async def test_timer_looks_at_once_when_another_of_its_chain_has_worked_off_what_it_had(stack: Stack) -> None:
    looks = 0

    async def tens(conn: AsyncConnection, now: datetime, limit: int) -> list[str]:
        nonlocal looks
        looks += 1
        return [str(row.id) for row in await conn.execute(sa.select(counters.c.id).where(counters.c.total == 10))]

    async def double(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
        await tx.heads("counters", [item.key for item in items])
        for item in items:
            event = Counted(counter_id=UUID(item.key), by=10)
            tx.record(event, key=item.key, meta=item.meta, scope=Scope(), rules="toy/1")
        return [Done() for _ in items]

    async with toy(ROUNDING, stack) as h:
        (first,) = h.app.composition.timers
        chained = [replace(first, chain="tens"), Timer("double", tens, double, every_s=3_600, chain="tens")]
        stop = asyncio.Event()
        running = asyncio.create_task(
            Timers(h.app.engine, h.app.batches, h.clock, chained, service="counting").run(stop)
        )
        await eventually(lambda: looks > 0, what="it found nothing yet")
        await made(h, 4)

        async def doubled() -> bool:
            return await totals(h) == [20]

        await eventually(doubled)
        stop.set()
        await running
