"""Parked keys: what waits, for what, since when, and how it goes on.

A key that waits for a fact (`not_yet`) or whose gap was filled (`queued`) is tried again by itself; any other waits for an operator's retry. A
retry runs the parked events in seq order through the same use case as live ones, and the same compare-and-set decides who wins. Of several
processes one tries a key at a time.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import faults
from chassis.batches import Batches, Broken
from chassis.consumer import Consumer, give_up
from chassis.database import Unavailable, is_outage
from chassis.inbox import CONFLICTING, GAP
from chassis.parkedgauge import ParkedGauge
from chassis.records import Bad, Coordinates, Incoming, Record
from chassis.retrying import Retrying
from chassis.tables import parked_events, progress
from chassis.telemetry import log

POLL_S, OUTAGE_PAUSE_S = 0.2, 1.0
KEYS_PER_ROUND = 50
EVENTS_PER_KEY = 50
MOST_MISSES = 3
"""Keys per round that may wait in vain for the keeper of person keys."""

CLAIMED_S = 2.0
"""How long a key that is being tried is left alone by the other processes; should the one that tries it die, they go on after that."""

# Claimed as it is found. The revision stays: a reader that parks more of the key need not begin again, and the compare-and-set still decides.
_RIPE = sa.text(
    "WITH ripe AS (SELECT stream, key FROM progress WHERE parked IS NOT NULL AND retry_at <= clock_timestamp()"
    "  AND stream = ANY(CAST(:streams AS text[])) ORDER BY retry_at LIMIT :limit FOR UPDATE SKIP LOCKED)"
    " UPDATE progress AS p SET retry_at = clock_timestamp() + make_interval(secs => :seconds)"
    " FROM ripe WHERE (p.stream, p.key) = (ripe.stream, ripe.key) RETURNING p.stream, p.key, p.revision"
)
_EVENTS = sa.text(
    "SELECT e.* FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[])) AS wanted(stream, key)"
    " CROSS JOIN LATERAL (SELECT * FROM parked_events WHERE stream = wanted.stream AND key = wanted.key"
    " ORDER BY seq, event_id LIMIT :limit) e"
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


@dataclass(frozen=True, slots=True)
class Ripe:
    """A key whose time to be tried has come, as it stood when it was found."""

    stream: str
    key: str
    revision: int


class Parking:
    """Retries parked keys of a service, by itself or when an operator says so."""

    def __init__(self, engine: AsyncEngine, batches: Batches, consumers: Sequence[Consumer]) -> None:
        self._engine, self._batches = engine, batches
        self._consumers = consumers
        self._gauge = ParkedGauge(engine)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. Keys that a newer version of this service may now understand are tried once at the start."""
        started = False
        while not stop.is_set():
            try:
                if not started:
                    await self._try_after_upgrade()
                    started = True
                pause = 0.0 if await self.retry_ripe() >= KEYS_PER_ROUND else POLL_S
                await self._gauge.look()
            except Exception as error:  # settles: tried again after a pause
                pause = OUTAGE_PAUSE_S
                if not is_outage(error):
                    log.error(
                        "parking_failed",
                        error=type(error).__name__,
                        exc_info=error,
                        runbook="docs/operations.md#unexpected-errors",
                    )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def retry_ripe(self) -> int:
        """Tries the keys whose time has come; returns how many. Raises Unavailable."""
        ripe = await self._ripe()
        if not ripe:
            return 0
        found = await self._events(ripe)
        for consumer in self._consumers:
            mine = {place: records for place, records in found.items() if records and consumer.owns(place.stream)}
            await self._retry(consumer, mine)
        await self._free_empty([place for place, records in found.items() if not records])
        return len(ripe)

    async def _ripe(self) -> list[Ripe]:
        streams = sorted({stream for consumer in self._consumers for stream in consumer.streams})
        given = {"streams": streams, "limit": KEYS_PER_ROUND, "seconds": CLAIMED_S}
        async with self._engine.begin() as conn:  # lint: commit — plumbing: who looks at a key next
            rows = await conn.execute(_RIPE, given)
            return [Ripe(row.stream, row.key, row.revision) for row in rows]

    async def _events(self, ripe: Sequence[Ripe]) -> dict[Ripe, list[Record]]:
        """The first parked events of each key, in seq order."""
        wanted = {
            "streams": [p.stream for p in ripe],
            "keys": [p.key for p in ripe],
            "limit": EVENTS_PER_KEY,
        }
        found: dict[tuple[str, str], list[Record]] = {(p.stream, p.key): [] for p in ripe}
        async with self._engine.connect() as conn:
            for row in await conn.execute(_EVENTS, wanted):
                found[row.stream, row.key].append(_record(row))
        return {place: found[place.stream, place.key] for place in ripe}

    async def _retry(self, consumer: Consumer, found: Mapping[Ripe, list[Record]]) -> None:
        items = await self._read(consumer, found)
        handler = consumer.subscription.handler
        outcomes = await self._batches.run(Retrying(handler), items)
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, Broken):
                await self._batches.run(Retrying(give_up), [item])
        faults.point("K2")
        if items:
            log.info("parked_retried", topic=consumer.topic, events=len(items))

    async def _read(self, consumer: Consumer, found: Mapping[Ripe, list[Record]]) -> list[Incoming]:
        """What can be read now. A key that cannot is put off or set aside, and never holds up the others."""
        try:
            await consumer.fetch_keys([record for records in found.values() for record in records])  # in bulk
        except Unavailable:
            log.warning("person_keys_unavailable", topic=consumer.topic, parked_keys=len(found))
        items: list[Incoming] = []
        late: list[Ripe] = []
        for place, records in found.items():
            if len(late) == MOST_MISSES:
                break
            try:
                read = await consumer.read(records)
            except Unavailable:
                late.append(place)
                continue
            readable = [*takewhile(lambda item: isinstance(item, Incoming), read)]
            items += [item for item in readable if isinstance(item, Incoming)]
            if not readable and isinstance(read[0], Bad):
                await self._set_aside(place, read[0].reason)
        await self._put_off(late)
        return items

    async def _put_off(self, places: Sequence[Ripe]) -> None:
        """Tries them again later, each time later than the last."""
        if places:
            await self._change(
                places,
                {
                    "attempts": sa.func.least(progress.c.attempts + 1, 30),
                    "retry_at": sa.func.clock_timestamp()
                    + sa.func.make_interval(
                        0, 0, 0, 0, 0, 0, sa.func.least(0.1 * sa.func.power(2, progress.c.attempts), 30)
                    ),
                },
            )

    async def _set_aside(self, place: Ripe, reason: str) -> None:
        """Parked by an earlier version of this service, and no event of ours to this one."""
        values = {"parked": "unreadable", "detail": reason.partition(":")[0], "retry_at": None}
        await self._change([place], values)
        log.error("parked_unreadable", stream=place.stream, key=place.key, runbook="docs/operations.md#parked-keys")

    async def _free_empty(self, places: Sequence[Ripe]) -> None:
        """A key whose parked events are all gone flows again."""
        if places:
            await self._change(
                places, {"parked": None, "detail": None, "retry_at": None, "parked_at": None, "attempts": 0}
            )

    async def retry(self, stream: str, key: str) -> bool:
        """An operator's word: try this key now. False when it is not parked."""
        where = (progress.c.stream == stream, progress.c.key == key, progress.c.parked.is_not(None))
        return await self._update(where, {"retry_at": sa.func.clock_timestamp()}) > 0

    async def retry_all(self) -> int:
        """As `retry`, for every key that does not wait for another event; returns how many."""
        where = (progress.c.parked.is_not(None), progress.c.parked.not_in([GAP, CONFLICTING]))
        return await self._update(where, {"retry_at": sa.func.clock_timestamp()})

    async def _try_after_upgrade(self) -> None:
        where = progress.c.parked.in_(["unknown_type", "unknown_version", "invalid", "unreadable"])
        await self._update((where,), {"retry_at": sa.func.clock_timestamp()})

    async def _change(self, places: Sequence[Ripe], values: Mapping[str, Any]) -> None:
        """Changes keys that still stand as they were found."""
        known = sa.tuple_(progress.c.stream, progress.c.key, progress.c.revision)
        where = known.in_([(place.stream, place.key, place.revision) for place in places])
        await self._update((where,), values)

    async def _update(self, where: Sequence[sa.ColumnElement[bool]], values: Mapping[str, Any]) -> int:
        try:
            async with self._engine.begin() as conn:  # lint: commit — plumbing: when to look at a key again
                changed = await conn.execute(
                    sa.update(progress).where(*where).values(revision=progress.c.revision + 1, **values)
                )
        except Exception as error:
            if is_outage(error):
                raise Unavailable("the database is out of reach") from error
            raise
        return changed.rowcount

    async def count(self) -> int:
        """How many keys wait."""
        query = sa.select(sa.func.count()).select_from(progress).where(progress.c.parked.is_not(None))
        async with self._engine.connect() as conn:
            return (await conn.execute(query)).scalar_one()

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
