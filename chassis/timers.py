"""Timers are due rows worked in batches: what falls due is a query, what happens is a use case like any other.

A key that the use case does not settle is backed off, never left at the head of the queue, and tried again later each time. Between batches the
timer pauses, so a month-end mass yields to live traffic.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import faults, rows
from chassis.batches import Batches, Broken
from chassis.clock import Clock
from chassis.database import Unavailable, is_outage
from chassis.ids import new_id
from chassis.outcomes import Done, Failed, NotYet
from chassis.records import Outcome
from chassis.tables import timer_backoff
from chassis.telemetry import log, metrics
from chassis.transaction import Meta, Tx, UseCase

FIRST_RETRY_S, LONGEST_RETRY_S = 5, 3_600
PAUSE_S = 0.05
"""Between two batches of one timer, while live traffic has its turn."""

DueQuery = Callable[[AsyncConnection, datetime, int], Awaitable[Sequence[str]]]
"""Keys due at this business time, at most so many, oldest first; must leave out those for which `backed_off` holds."""


@dataclass(frozen=True, slots=True)
class Due:
    """One due key; the use case reads its state again after its head and decides whether it is still due."""

    key: str
    meta: Meta
    now: datetime


@dataclass(frozen=True)
class Timer:
    """`every_s`: wall seconds between looks at an empty queue.

    `chain`: what one timer of it does may be what another waits for; when one has worked off what it had, the others of this process look at once.
    """

    name: str
    due: DueQuery
    use_case: UseCase[Due, Outcome]
    every_s: float = 1.0
    batch: int = 200
    chain: str = ""


def backed_off(timer: str, key: sa.ColumnElement[str], now: datetime) -> sa.ColumnElement[bool]:
    """For due queries: this key was not settled and its time has not come again."""
    return sa.exists().where(
        timer_backoff.c.timer == timer, timer_backoff.c.key == key, timer_backoff.c.not_before > now
    )


class Timers:
    """Runs the timers of a service in this process."""

    def __init__(
        self, engine: AsyncEngine, batches: Batches, clock: Clock, timers: Sequence[Timer], *, service: str
    ) -> None:
        self._engine, self._batches, self._clock = engine, batches, clock
        self._timers, self._service = timers, service
        self._calls = {timer.name: asyncio.Event() for timer in timers}
        """Set when this timer is to look before its pause is over."""

    async def run(self, stop: asyncio.Event) -> None:
        """All timers side by side, until `stop`."""
        async with asyncio.TaskGroup() as group:
            for timer in self._timers:
                group.create_task(self._run_one(timer, stop), name=f"timer-{timer.name}")
            await stop.wait()
            self._call(self._timers)

    async def _run_one(self, timer: Timer, stop: asyncio.Event) -> None:
        called, worked = self._calls[timer.name], False
        while not stop.is_set():
            pause = timer.every_s
            called.clear()
            try:
                if await self.fire(timer):
                    pause, worked = PAUSE_S, True
                elif worked:  # at the end of a mass, not after each of its batches
                    worked = False
                    self._call([one for one in self._timers if one.chain and one.chain == timer.chain and one != timer])
            except Exception as error:  # settles: what is due stays due
                if not is_outage(error):
                    log.error(
                        "timer_failed",
                        timer=timer.name,
                        error=type(error).__name__,
                        exc_info=error,
                        runbook="docs/operations.md#unexpected-errors",
                    )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(called.wait(), pause)

    def _call(self, timers: Sequence[Timer]) -> None:
        for timer in timers:
            self._calls[timer.name].set()

    async def fire(self, timer: Timer) -> int:
        """Works one batch of what is due; returns how many keys it looked at. Raises Unavailable."""
        now = self._clock.business()
        async with self._engine.connect() as conn:
            keys = await timer.due(conn, now, timer.batch)
        if not keys:
            return 0
        faults.point("Z1", timer.name)
        due = [Due(key, Meta(actor=f"{self._service}.{timer.name}", correlation_id=new_id()), now) for key in keys]
        outcomes = await self._batches.run(_Worked(timer, now), due)
        faults.point("Z3", timer.name)
        await self._back_off_broken(timer, [d.key for d, o in zip(due, outcomes, strict=True) if isinstance(o, Broken)])
        done = sum(isinstance(outcome, Done) for outcome in outcomes)
        metrics.TIMER_ROWS.labels(timer.name, "done").inc(done)
        metrics.TIMER_ROWS.labels(timer.name, "backed_off").inc(len(due) - done)
        return len(keys)

    async def _back_off_broken(self, timer: Timer, keys: Sequence[str]) -> None:
        """Rows whose use case raised: nothing of theirs was committed, so their back-off needs a transaction of its own."""
        if not keys:
            return
        try:
            async with self._engine.begin() as conn:  # lint: commit — plumbing: when to look at a key again
                before, now = await _before(conn, timer.name, keys), self._clock.business()
                late = [_row(timer, key, "failed", before.get(key), now) for key in keys]
                await rows.upsert(conn, timer_backoff, late)
        except Exception as error:
            if is_outage(error):
                raise Unavailable("the database is out of reach") from error
            raise


class _Worked:
    """A timer's use case with its back-off: what was settled and what is tried again later are durable together."""

    def __init__(self, timer: Timer, now: datetime) -> None:
        self._timer, self._now = timer, now
        self.__name__ = f"timer.{timer.name}"

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> Sequence[Outcome]:
        before = await _before(tx.conn, self._timer.name, [item.key for item in items])
        outcomes = await self._timer.use_case(tx, items)
        late = [
            _row(self._timer, item.key, _reason(outcome), before.get(item.key), self._now)
            for item, outcome in zip(items, outcomes, strict=True)
            if not isinstance(outcome, Done)
        ]
        settled = [
            {"timer": self._timer.name, "key": item.key}
            for item, outcome in zip(items, outcomes, strict=True)
            if isinstance(outcome, Done) and item.key in before
        ]

        async def store(conn: AsyncConnection) -> None:
            await rows.upsert(conn, timer_backoff, late)
            await rows.delete(conn, timer_backoff, settled)

        tx.defer(store)
        return outcomes


@dataclass(frozen=True, slots=True)
class _Tried:
    """How often a key was not settled, and since when."""

    attempts: int
    since: datetime


async def _before(conn: AsyncConnection, timer: str, keys: Sequence[str]) -> dict[str, _Tried]:
    query = sa.select(timer_backoff.c.key, timer_backoff.c.attempts, timer_backoff.c.since).where(
        timer_backoff.c.timer == timer, rows.matching(timer_backoff.c.key, keys)
    )
    return {row.key: _Tried(row.attempts, row.since) for row in await conn.execute(query)}


def _reason(outcome: Outcome) -> str:
    match outcome:
        case NotYet(what):
            return f"not_yet:{what}"
        case Failed(code):
            return code
        case _:
            return "failed"


def _row(timer: Timer, key: str, reason: str, before: _Tried | None, now: datetime) -> dict[str, object]:
    tried = before or _Tried(0, now)
    wait = min(FIRST_RETRY_S * 2 ** min(tried.attempts, 16), LONGEST_RETRY_S)
    return {
        "timer": timer.name,
        "key": key,
        "since": tried.since,
        "attempts": tried.attempts + 1,
        "reason": reason,
        "not_before": now + timedelta(seconds=wait),
    }
