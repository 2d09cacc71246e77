"""Every event takes effect once, in order per key: `progress` is the inbox, one row per key, moved by compare-and-set.

seq ≤ known: seen, skipped. seq = known + 1: applied. Higher: a gap, parked until the missing event arrives. An event that cannot be applied parks
its key and every later event of that key; other keys flow on. Applying, parking and retrying move the same row, so two of them never both win.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import faults, rows
from chassis.batches import Rerun
from chassis.outcomes import Done, Failed, NotYet
from chassis.records import Incoming, Outcome, Received, received
from chassis.tables import parked_events
from chassis.telemetry import metrics
from chassis.transaction import Tx, UseCase

GAP, BEHIND, QUEUED, CONFLICTING = "gap", "behind", "queued", "conflicting_event"
FIRST_RETRY_S, LONGEST_RETRY_S = 0.1, 30.0

_LOAD = sa.text(
    "SELECT p.stream, p.key, p.seq, p.event_id, p.revision, p.parked, p.detail, p.attempts, p.parked_at, p.retry_at"
    " FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[])) AS wanted(stream, key) JOIN progress p USING (stream, key)"
)
# Compare-and-set of many rows in one statement; the caller compares the count with the rows it gave.
_STORE = sa.text(
    "WITH given AS (SELECT * FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[]), CAST(:seqs AS bigint[]),"
    "  CAST(:event_ids AS uuid[]), CAST(:revisions AS bigint[]), CAST(:parked AS text[]), CAST(:details AS text[]),"
    "  CAST(:attempts AS int[]), CAST(:parked_at AS timestamptz[]), CAST(:retry_at AS timestamptz[]))"
    "  AS g(stream, key, seq, event_id, revision, parked, detail, attempts, parked_at, retry_at)),"
    " changed AS (UPDATE progress p SET seq = g.seq, event_id = g.event_id, revision = g.revision + 1, parked = g.parked,"
    "  detail = g.detail, attempts = g.attempts, parked_at = g.parked_at, retry_at = g.retry_at"
    "  FROM given g WHERE p.stream = g.stream AND p.key = g.key AND p.revision = g.revision RETURNING 1),"
    " added AS (INSERT INTO progress (stream, key, seq, event_id, revision, parked, detail, attempts, parked_at, retry_at)"
    "  SELECT stream, key, seq, event_id, 1, parked, detail, attempts, parked_at, retry_at FROM given WHERE revision = 0"
    "  ORDER BY stream, key ON CONFLICT DO NOTHING RETURNING 1)"
    " SELECT (SELECT count(*) FROM changed) + (SELECT count(*) FROM added)"
)


@dataclass(slots=True)
class Place:
    """How far one key has come at this reader, and whether it waits. Changes in memory while a batch is judged."""

    stream: str
    key: str
    seq: int = 0
    event_id: UUID | None = None
    revision: int = 0
    parked: str | None = None
    detail: str | None = None
    attempts: int = 0
    parked_at: datetime | None = None
    retry_at: datetime | None = None
    changed: bool = False

    def judge(self, item: Incoming) -> str | None:
        """None: apply it. "" : seen, skip it. Else the reason to park it."""
        envelope = item.envelope
        if envelope.seq <= self.seq:
            conflicting = envelope.seq == self.seq and envelope.event_id != self.event_id
            return CONFLICTING if conflicting else ""
        next_up = envelope.seq == self.seq + 1
        if self.parked is not None and not (self.parked == GAP and next_up):
            return BEHIND
        return item.problem if next_up else GAP

    def advance(self, item: Incoming, wall: datetime) -> None:
        """The event took effect. A key that waited for just this one goes on with what is parked behind it."""
        self.seq, self.event_id, self.changed = item.envelope.seq, item.envelope.event_id, True
        if self.parked == GAP:
            self.parked, self.retry_at = QUEUED, wall

    def park(self, reason: str, wall: datetime, *, retry: bool = False, detail: str | None = None) -> None:
        """Parks the key, or leaves it parked for its first reason. `retry`: tried again by itself, later each time."""
        self.changed = True
        if self.parked is not None and (self.parked != GAP or reason in (GAP, BEHIND)):
            return
        self.parked, self.detail, self.parked_at = reason, detail, self.parked_at or wall
        self.retry_at = (
            wall + timedelta(seconds=min(FIRST_RETRY_S * 2**self.attempts, LONGEST_RETRY_S)) if retry else None
        )
        self.attempts = min(self.attempts + 1, 30)

    def resume(self) -> None:
        """Before a retry: the key flows again, unless something parks it once more."""
        self.parked = self.detail = self.retry_at = None

    def free(self) -> None:
        """Nothing is parked any more."""
        self.changed, self.attempts, self.parked_at = True, 0, None
        self.resume()


class Applying:
    """The use case of one batch of consumed events: what is in order goes to the handler, everything else is parked or skipped.

    A new instance per batch: `blocked` holds the events that turned out to stand behind one that could not be applied.
    """

    def __init__(self, handler: UseCase[Received, Outcome], *, name: str) -> None:
        self._handler, self.__name__ = handler, name
        self._blocked: set[UUID] = set()

    async def __call__(self, tx: Tx, items: Sequence[Incoming], /) -> list[Outcome]:
        places = await load(tx.conn, items)
        faults.point("P2")
        outcomes, parked = await self._judge(tx, places, items)
        tx.defer(lambda conn: store(conn, places.values(), parked))
        return outcomes

    async def _judge(
        self, tx: Tx, places: dict[tuple[str, str], Place], items: Sequence[Incoming]
    ) -> tuple[list[Outcome], list[Incoming]]:
        """Two passes: first what may be applied at all, in order; then, with the handler's outcomes, how each key stands."""
        applicable = self._applicable(places, items)
        asked = [received(item) for item in applicable if item.event is not None]
        answers = iter(await self._handler(tx, asked) if asked else ())
        answered = {item.envelope.event_id: next(answers) if item.event is not None else Done() for item in applicable}
        self._block_followers(applicable, answered)
        outcomes: list[Outcome] = []
        parked: list[Incoming] = []
        for item in items:
            place = places[item.envelope.stream, item.envelope.key]
            outcome = self._settle(place, item, answered, tx.wall)
            outcomes.append(outcome)
            if not isinstance(outcome, Done):
                parked.append(item)
        return outcomes, parked

    def _applicable(self, places: dict[tuple[str, str], Place], items: Sequence[Incoming]) -> list[Incoming]:
        reached = {key: (place.seq, place.parked) for key, place in places.items()}
        found = []
        for item in items:
            key = (item.envelope.stream, item.envelope.key)
            seq, waiting = reached[key]
            in_order = item.envelope.seq == seq + 1 and waiting in (None, GAP)
            if in_order and item.problem is None and item.envelope.event_id not in self._blocked:
                found.append(item)
                reached[key] = (seq + 1, QUEUED if waiting == GAP else None)
        return found

    def _block_followers(self, applicable: Sequence[Incoming], answered: dict[UUID, Outcome]) -> None:
        """An event was decided although one before it in its key could not be: start again without it."""
        stuck: set[tuple[str, str]] = set()
        followers: set[UUID] = set()
        for item in applicable:
            key = (item.envelope.stream, item.envelope.key)
            if key in stuck:
                followers.add(item.envelope.event_id)
            elif not isinstance(answered[item.envelope.event_id], Done):
                stuck.add(key)
        if followers:
            self._blocked |= followers
            raise Rerun

    def _settle(self, place: Place, item: Incoming, answered: dict[UUID, Outcome], wall: datetime) -> Outcome:
        reason = place.judge(item)
        if reason == "":
            return Done()
        if reason is not None:
            if reason == CONFLICTING:
                metrics.CONFLICTING_EVENTS.labels(place.stream).inc()
            place.park(reason, wall)
            return Failed(reason)
        outcome = answered.get(item.envelope.event_id, Failed(BEHIND))
        if isinstance(outcome, Done):
            place.advance(item, wall)
        elif isinstance(outcome, NotYet):
            place.park("not_yet", wall, retry=True, detail=outcome.what)
        else:
            place.park(outcome.reason, wall)
        return outcome


async def load(conn: AsyncConnection, items: Sequence[Incoming]) -> dict[tuple[str, str], Place]:
    """Where each key of the batch stands; keys never seen stand at 0."""
    keys = sorted({(item.envelope.stream, item.envelope.key) for item in items})
    found = await conn.execute(_LOAD, {"streams": [s for s, _ in keys], "keys": [k for _, k in keys]})
    places = {(stream, key): Place(stream, key) for stream, key in keys}
    places.update({(row.stream, row.key): Place(*row) for row in found})
    return places


async def store(conn: AsyncConnection, places: Iterable[Place], parked: Sequence[Incoming]) -> None:
    """Moves the changed rows by compare-and-set and keeps the parked records. Raises Rerun when another writer moved one first."""
    changed = sorted((p for p in places if p.changed), key=lambda p: (p.stream, p.key))
    if changed:
        moved = await conn.execute(
            _STORE,
            {
                "streams": [p.stream for p in changed],
                "keys": [p.key for p in changed],
                "seqs": [p.seq for p in changed],
                "event_ids": [p.event_id for p in changed],
                "revisions": [p.revision for p in changed],
                "parked": [p.parked for p in changed],
                "details": [p.detail for p in changed],
                "attempts": [p.attempts for p in changed],
                "parked_at": [p.parked_at for p in changed],
                "retry_at": [p.retry_at for p in changed],
            },
        )
        if moved.scalar_one() != len(changed):
            raise Rerun
    await rows.insert(conn, parked_events, [_parked_row(item) for item in parked], on_conflict_do_nothing=True)


def _parked_row(item: Incoming) -> dict[str, object]:
    envelope, at = item.envelope, item.record.at
    return {
        "stream": envelope.stream,
        "key": envelope.key,
        "seq": envelope.seq,
        "event_id": envelope.event_id,
        "topic": at.topic,
        "partition": at.partition,
        "offset": at.offset,
        "headers": [
            [name, None if value is None else base64.b64encode(value).decode()] for name, value in item.record.headers
        ],
        "value": item.value,
    }
