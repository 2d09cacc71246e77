"""S8: a commit that comes late is never skipped by the relay's cursor, and no key's order is inverted.

Sixteen writers take positions and transaction ids in one order and commit in another: each transaction dawdles before it loads, before it
writes and between its writes and its commit, and some are thrown away and begun again. (Lost by others: Marten, eugene-khyst #2, Eventuous #222.)
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.batches import Broken, Rerun
from chassis.idempotency import Answer, Idempotent, Keyed
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.service import App
from chassis.transaction import Tx
from tests.faults.evidence import Evidence, Scale
from tests.faults.stories import facts
from tests.faults.stories.pair import patiently
from tests.integration.chassis.test_relay import nothing_unpublished, relay
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, count, toy, toy_topics

WRITERS, PROCESSES, PER_BATCH = 16, 4, 20
KEYS, ROUNDS = 1_000, 3
LONGEST_STALL_S = 0.02


class Dawdling:
    """`count`, with stalls before its loads, before its writes and before its commit, and rollbacks. Tells what it did in `happened`."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self.happened = chance, Counter[str]()

    async def __call__(self, tx: Tx, items: Sequence[Add], /) -> list[Accepted | Rejected]:
        await self._stall(tx.conn, 0.3, times=3)  # whoever wrote by now has an id that is older than what it will load
        outcomes = await count(tx, items)
        await self._stall(tx.conn, 0.3)
        tx.defer(self._before_commit)
        return outcomes

    async def _before_commit(self, conn: AsyncConnection) -> None:
        if self._chance.random() < 0.1:
            self.happened["rolled_back"] += 1
            raise Rerun
        await self._stall(conn, 0.4)

    async def _stall(self, conn: AsyncConnection, likely: float, times: int = 1) -> None:
        if self._chance.random() < likely:
            self.happened["stalled"] += 1
            seconds = times * self._chance.uniform(0.001, LONGEST_STALL_S)
            await conn.execute(sa.text("SELECT pg_sleep(:s)"), {"s": seconds})


@asynccontextmanager
async def processes(h: Harness, number: int) -> AsyncIterator[list[App]]:
    """Further processes of the same service on the same database."""
    async with AsyncExitStack() as ending:
        apps = [App(COUNTING, h.app.settings, clock=h.clock) for _ in range(number)]
        for app in apps:
            ending.push_async_callback(app.close)
        yield apps


async def write(app: App, dawdling: Dawdling, keys: Sequence[UUID], batches: int, chance: random.Random) -> None:
    """So many batches of commands on some of the keys, each told again until it was answered."""
    for _ in range(batches):
        items = [_command(key) for key in chance.sample(keys, PER_BATCH)]
        outcomes = await app.batches.run(Idempotent(dawdling), items)
        while again := [i for i, o in zip(items, outcomes, strict=True) if isinstance(o, Broken)]:
            items, outcomes = again, await app.batches.run(Idempotent(dawdling), again)
        assert all(isinstance(o, Answer) and o.status == 201 for o in outcomes)


def _command(key: UUID) -> Keyed[Add]:
    add = Add(key, 1)
    return Keyed("agent-1", str(new_id()), b"hash", add.meta.correlation_id, add)


@pytest.mark.cell("story.S8", fault="S8", service="chassis")
async def test_no_late_commit_is_skipped_and_no_key_is_inverted(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    rows = scale(test=6_400, long=64_000)
    done = 0
    for number in range(ROUNDS):
        chance = random.Random(f"{seed}-{number}")
        done += await _round(stack, evidence, rows, chance)
    evidence.fired(done, of=ROUNDS * rows, unit="row")


async def _round(stack: Stack, evidence: Evidence, rows: int, chance: random.Random) -> int:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix, processes(h, PROCESSES) as apps:
        keys, dawdling, stop = [new_id() for _ in range(KEYS)], Dawdling(chance), asyncio.Event()
        carrier = relay(h, stack, prefix)
        relaying = asyncio.create_task(carrier.run(stop))
        batches = rows // WRITERS // PER_BATCH
        await asyncio.gather(*(write(apps[n % PROCESSES], dawdling, keys, batches, chance) for n in range(WRITERS)))
        await patiently(lambda: relaying.done() or nothing_unpublished(h), within_s=15)
        stop.set()
        await relaying
        assert min(dawdling.happened["stalled"], dawdling.happened["rolled_back"]) > rows // PER_BATCH // 20
        log, topic = await facts.logged(h, "counters"), await facts.published(stack, f"{prefix}participants")
        evidence.holds("I2", checked=len(log), violations=facts.not_carried(log, topic))
        stopped = [facts.wrong("relay", "", "running", carrier.stopped_because)] if carrier.stopped_because else []
        evidence.holds("I6", checked=len(topic), violations=stopped + facts.out_of_order(topic))
        return len(log)
