"""What of a service's own affairs waits for a person: counted by its state, shown as a metric and in `/ops/status`, and told in the log.

Counted anew at every look, so it ends when the matter is settled, and an alarm does not depend on whether some timer ran.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.clock import Clock
from chassis.database import is_outage
from chassis.telemetry import log, metrics

LOOK_EVERY_S = 10.0
TELL_EVERY_S = 3_600.0


@dataclass(frozen=True, slots=True)
class Concern:
    """`count`: how many matters wait at this business time. `runbook`: where an operator reads what to do."""

    name: str
    count: Callable[[AsyncConnection, datetime], Awaitable[int]]
    runbook: str


async def counted(conn: AsyncConnection, concerns: Sequence[Concern], now: datetime) -> dict[str, int]:
    """By the name of the concern, also those of which nothing waits."""
    return {concern.name: await concern.count(conn, now) for concern in concerns}


class Attention:
    """One per process that runs timers."""

    def __init__(self, engine: AsyncEngine, clock: Clock, concerns: Sequence[Concern]) -> None:
        self._engine, self._clock, self._concerns = engine, clock, concerns
        self._told: dict[str, tuple[int, float]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. With the database away the last counts stand."""
        while not stop.is_set():
            try:
                await self.look()
            except Exception as error:  # settles: the next look counts again
                if not is_outage(error):
                    log.error(
                        "attention_failed",
                        error=type(error).__name__,
                        exc_info=error,
                        runbook="docs/operations.md#unexpected-errors",
                    )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)

    async def look(self) -> None:
        """Sets the metric; what waits is told when it becomes more, and every TELL_EVERY_S while it waits."""
        async with self._engine.connect() as conn:
            found = await counted(conn, self._concerns, self._clock.business())
        for concern in self._concerns:
            waiting = found[concern.name]
            metrics.ATTENTION.labels(concern.name).set(waiting)
            before, tell_after = self._told.get(concern.name, (0, 0.0))
            if waiting > before or (waiting and time.monotonic() >= tell_after):
                tell_after = time.monotonic() + TELL_EVERY_S
                log.error("attention_needed", concern=concern.name, count=waiting, runbook=concern.runbook)
            self._told[concern.name] = (waiting, tell_after)
