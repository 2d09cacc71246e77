"""Business time of a service: stored once per database, so every process and every restart lives in the same month.

An operator may move it forward outside production to play a calendar; in production it is wall time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import SystemClock
from chassis.database import is_outage
from chassis.problems import CLOCK_FIXED, Refusal, Rejected
from chassis.settings import Environment
from chassis.tables import business_clock
from chassis.telemetry import log

if TYPE_CHECKING:
    from chassis.service import App

FOLLOW_S = 0.5
_OFFSET = sa.select(business_clock.c.offset_seconds)


# Never backwards, also when two processes are told different dates at once.
_STORE = sa.text(
    "INSERT INTO business_clock (id, offset_seconds) VALUES (1, :seconds) ON CONFLICT (id) DO UPDATE"
    " SET offset_seconds = GREATEST(business_clock.offset_seconds, excluded.offset_seconds)"
)


async def stored_offset(conn: AsyncConnection) -> timedelta | None:
    """Business time minus wall time of this service; None where nobody moved it."""
    seconds = (await conn.execute(_OFFSET)).scalar()
    return None if seconds is None else timedelta(seconds=seconds)


class BusinessClock:
    """Keeps the process' SystemClock in step with the stored offset."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def start(self) -> None:
        """Before the process does anything in the wrong month. With the database away nothing is committed anyway."""
        await self._try()

    async def follow(self, stop: asyncio.Event) -> None:
        """Until `stop`: what another process set is seen within FOLLOW_S."""
        while not stop.is_set():
            await self._try()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), FOLLOW_S)

    async def _try(self) -> None:
        try:
            await self.read()
        except Exception as error:  # settles: the offset known so far holds until the next look
            if not is_outage(error):
                log.error(
                    "clock_failed",
                    error=type(error).__name__,
                    exc_info=error,
                    runbook="docs/operations.md#unexpected-errors",
                )

    async def read(self) -> None:
        """Takes over the stored offset, if one is stored."""
        clock = self._app.clock
        if not isinstance(clock, SystemClock):
            return
        async with self._app.engine.connect() as conn:
            stored = await stored_offset(conn)
        if stored is not None:
            clock.offset = stored

    async def advance_to(self, business: datetime, *, as_of: datetime | None = None) -> None:
        """Moves business time forward for every process of this service: it is `business` at wall time `as_of` (now, if not given).

        Services that are told the same pair have the same clock, also one that is told it again. Raises Refusal in production, and for the past.
        """
        clock = self._app.clock
        if self._app.settings.environment is Environment.PRODUCTION or not isinstance(clock, SystemClock):
            raise Refusal(Rejected(CLOCK_FIXED))
        await self.read()
        ahead = timedelta(seconds=math.ceil((business - (as_of or clock.wall())).total_seconds()))
        if ahead < clock.offset:
            raise Refusal(Rejected(CLOCK_FIXED, field="at"))
        async with self._app.engine.begin() as conn:  # lint: commit — an operator's setting, no decision
            await conn.execute(_STORE, {"seconds": int(ahead.total_seconds())})
        await self.read()
