"""How many keys wait, as a metric, and the alarm for gaps that nobody fills."""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.telemetry import log, metrics

GAP_ALARM_S = 60
LOOK_EVERY_S = 2.0

_COUNT = sa.text(
    "SELECT stream, count(*) AS keys, count(*) FILTER (WHERE parked = 'gap'"
    " AND parked_at < clock_timestamp() - make_interval(secs => :gap_s)) AS old_gaps"
    " FROM progress WHERE parked IS NOT NULL GROUP BY stream"
)


class ParkedGauge:
    """One per process that retries parked keys."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._look_after = 0.0
        self._alarm_after: dict[str, float] = {}
        self._shown: set[str] = set()

    async def look(self) -> None:
        """Sets the metric every LOOK_EVERY_S; a gap older than GAP_ALARM_S is told once in that time."""
        if time.monotonic() < self._look_after:
            return
        self._look_after = time.monotonic() + LOOK_EVERY_S
        async with self._engine.connect() as conn:
            counts = (await conn.execute(_COUNT, {"gap_s": GAP_ALARM_S})).all()
        for stream in self._shown - {row.stream for row in counts}:
            metrics.PARKED_KEYS.labels(stream).set(0)
        self._shown = {row.stream for row in counts}
        for row in counts:
            metrics.PARKED_KEYS.labels(row.stream).set(row.keys)
            if row.old_gaps and time.monotonic() >= self._alarm_after.get(row.stream, 0.0):
                self._alarm_after[row.stream] = time.monotonic() + GAP_ALARM_S
                log.error("gap_not_filled", stream=row.stream, keys=row.old_gaps, runbook="docs/operations.md#gaps")
