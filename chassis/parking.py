"""Parked keys: what waits, for what, since when, and how it goes on.

A key that waits for a fact (`not_yet`) or whose gap was filled (`queued`) is tried again by itself; any other waits for an operator's retry. A
retry runs the parked events in seq order through the same use case as live ones, and the same compare-and-set decides who wins.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import faults, inbox, rows
from chassis.batches import Batches, Broken
from chassis.consumer import Consumer, give_up
from chassis.database import Unavailable, is_outage
from chassis.inbox import QUEUED, Applying, Place
from chassis.outcomes import Done
from chassis.records import Coordinates, Incoming, Outcome, Received, Record
from chassis.tables import parked_events, progress
from chassis.telemetry import log, metrics
from chassis.transaction import Tx, UseCase

POLL_S = 0.1
KEYS_PER_ROUND = 50
EVENTS_PER_KEY = 200
GAP_ALARM_S = 60
GAUGE_EVERY_S = 2.0

_RIPE = sa.text(
    "SELECT stream, key FROM progress WHERE parked IS NOT NULL AND retry_at <= clock_timestamp()"
    " ORDER BY retry_at LIMIT :limit"
)
_EVENTS = sa.text(
    "SELECT e.* FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[])) AS wanted(stream, key)"
    " CROSS JOIN LATERAL (SELECT * FROM parked_events WHERE stream = wanted.stream AND key = wanted.key"
    " ORDER BY seq, event_id LIMIT :limit) e"
)
_COUNT = sa.text(
    "SELECT stream, count(*) AS keys, count(*) FILTER (WHERE parked = 'gap'"
    " AND parked_at < clock_timestamp() - make_interval(secs => :gap_s)) AS old_gaps"
    " FROM progress WHERE parked IS NOT NULL GROUP BY stream"
)


@dataclass(frozen=True, slots=True)
class ParkedKey:
    """One key that waits, for operators."""

    stream: str
    key: str
    applied_seq: int
    reason: str
    detail: str | None
    attempts: int
    parked_at: datetime
    retry_at: datetime | None
    events: int


class _Retrying(Applying):
    """As for live events, but the key's own parking does not stand in the way, and what took effect leaves the parking place."""

    def __init__(self, handler: UseCase[Received, Outcome], more: Mapping[tuple[str, str], bool]) -> None:
        super().__init__(handler, name="parked.retry")
        self._more = more

    async def __call__(self, tx: Tx, items: Sequence[Incoming], /) -> list[Outcome]:
        places = await inbox.load(tx.conn, items)
        for place in places.values():
            place.resume()
        outcomes, parked = await self._judge(tx, places, items)
        gone = [item for item, outcome in zip(items, outcomes, strict=True) if isinstance(outcome, Done)]
        for place in places.values():
            self._conclude(place, tx.wall)
        _drop_later(tx, gone)
        tx.defer(lambda conn: inbox.store(conn, places.values(), parked))
        return outcomes

    def _conclude(self, place: Place, wall: datetime) -> None:
        place.changed = True
        if place.parked is None and self._more[place.stream, place.key]:
            place.parked, place.retry_at = QUEUED, wall
        elif place.parked is None:
            place.free()


def _drop_later(tx: Tx, gone: Sequence[Incoming]) -> None:
    keys = [
        {"stream": i.envelope.stream, "key": i.envelope.key, "seq": i.envelope.seq, "event_id": i.envelope.event_id}
        for i in gone
    ]

    async def drop(conn: AsyncConnection) -> None:
        await rows.delete(conn, parked_events, keys)

    tx.defer(drop)


class Parking:
    """Retries parked keys of a service, by itself or when an operator says so."""

    def __init__(self, engine: AsyncEngine, batches: Batches, consumers: Sequence[Consumer]) -> None:
        self._engine, self._batches = engine, batches
        self._consumers = consumers
        self._gauge_after = 0.0
        self._gauged: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Keys that a newer version of this service may now understand are tried once at the start."""
        started = False
        while not stop.is_set():
            try:
                if not started:
                    await self._try_after_upgrade()
                    started = True
                again = await self.retry_ripe()
                await self._gauge()
            except Exception as error:  # settles: tried again after POLL_S
                again = 0
                if not is_outage(error):
                    log.error("parking_failed", error=type(error).__name__, exc_info=error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0 if again else POLL_S)

    async def retry_ripe(self) -> int:
        """Tries the keys whose time has come; returns how many. Raises Unavailable."""
        async with self._engine.connect() as conn:
            ripe = [(r.stream, r.key) for r in await conn.execute(_RIPE, {"limit": KEYS_PER_ROUND})]
            if not ripe:
                return 0
            found = (
                await conn.execute(
                    _EVENTS,
                    {"streams": [s for s, _ in ripe], "keys": [k for _, k in ripe], "limit": EVENTS_PER_KEY},
                )
            ).all()
        more = {
            (stream, key): sum((r.stream, r.key) == (stream, key) for r in found) == EVENTS_PER_KEY
            for stream, key in ripe
        }
        for consumer in self._consumers:
            mine = [_record(r) for r in found if consumer.owns(r.stream)]
            await self._retry(consumer, mine, more)
        await self._free_empty([place for place in ripe if place not in {(r.stream, r.key) for r in found}])
        return len(ripe)

    async def _retry(self, consumer: Consumer, found: Sequence[Record], more: Mapping[tuple[str, str], bool]) -> None:
        if not found:
            return
        items = [item for item in await consumer.read(found) if isinstance(item, Incoming)]
        faults.point("K1")
        outcomes = await self._batches.run(_Retrying(consumer.subscription.handler, more), items)
        broken = [item for item, outcome in zip(items, outcomes, strict=True) if isinstance(outcome, Broken)]
        for item in broken:
            await self._batches.run(_Retrying(give_up, more), [item])
        log.info("parked_retried", topic=consumer.subscription.topic, events=len(items))

    async def _free_empty(self, places: Sequence[tuple[str, str]]) -> None:
        """A key whose parked events are all gone flows again (a retry that lost the race to a live record)."""
        if places:
            await self._change(
                places, {"parked": None, "detail": None, "retry_at": None, "parked_at": None, "attempts": 0}
            )

    async def retry(self, stream: str, key: str) -> bool:
        """An operator's word: try this key now. False when it is not parked."""
        return await self._change([(stream, key)], {"retry_at": sa.func.clock_timestamp()}) > 0

    async def _try_after_upgrade(self) -> None:
        async with self._engine.begin() as conn:  # lint: commit — plumbing: when to look at a key again
            await conn.execute(
                sa.update(progress)
                .where(progress.c.parked.in_(["unknown_type", "unknown_version", "invalid"]))
                .values(retry_at=sa.func.clock_timestamp(), revision=progress.c.revision + 1)
            )

    async def _change(self, places: Sequence[tuple[str, str]], values: Mapping[str, Any]) -> int:
        try:
            async with self._engine.begin() as conn:  # lint: commit — plumbing: when to look at a key again
                changed = await conn.execute(
                    sa.update(progress)
                    .where(progress.c.parked.is_not(None), sa.tuple_(progress.c.stream, progress.c.key).in_(places))
                    .values(revision=progress.c.revision + 1, **values)
                )
        except Exception as error:
            if is_outage(error):
                raise Unavailable("the database is out of reach") from error
            raise
        return changed.rowcount

    async def _gauge(self) -> None:
        if time.monotonic() < self._gauge_after:
            return
        self._gauge_after = time.monotonic() + GAUGE_EVERY_S
        async with self._engine.connect() as conn:
            counts = (await conn.execute(_COUNT, {"gap_s": GAP_ALARM_S})).all()
        for stream in self._gauged - {row.stream for row in counts}:
            metrics.PARKED_KEYS.labels(stream).set(0)
        self._gauged = {row.stream for row in counts}
        for row in counts:
            metrics.PARKED_KEYS.labels(row.stream).set(row.keys)
            if row.old_gaps:
                log.error("gap_not_filled", stream=row.stream, keys=row.old_gaps, runbook="docs/operations.md#gaps")

    async def listed(self, limit: int = 200) -> list[ParkedKey]:
        """What waits, oldest first."""
        events = (
            sa.select(sa.func.count())
            .where(parked_events.c.stream == progress.c.stream, parked_events.c.key == progress.c.key)
            .scalar_subquery()
        )
        query = (
            sa.select(
                progress.c.stream,
                progress.c.key,
                progress.c.seq,
                progress.c.parked,
                progress.c.detail,
                progress.c.attempts,
                progress.c.parked_at,
                progress.c.retry_at,
                events,
            )
            .where(progress.c.parked.is_not(None))
            .order_by(progress.c.parked_at)
            .limit(limit)
        )
        async with self._engine.connect() as conn:
            return [ParkedKey(*row) for row in await conn.execute(query)]


def _record(row: sa.Row[Any]) -> Record:
    headers = tuple((name, None if value is None else base64.b64decode(value)) for name, value in _list(row.headers))
    return Record(Coordinates(row.topic, row.partition, row.offset), row.key.encode(), bytes(row.value), headers)


def _list(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value  # a text() query leaves JSONB as text
