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
SEEN, BLOCKED = "seen", "blocked"
SEEN_BEFORE = Done()
"""The outcome of an event that took effect earlier, told from other outcomes by identity."""
FIRST_RETRY_S, LONGEST_RETRY_S = 0.1, 30.0

# At least one row, for the server's time: of several processes' clocks none decides when a key is looked at again.
_LOAD = sa.text(
    "SELECT p.stream, p.key, p.seq, p.event_id, p.revision, p.parked, p.detail, p.attempts, p.parked_at, p.retry_at, s.at"
    " FROM (SELECT statement_timestamp() AS at) s LEFT JOIN"
    " (unnest(CAST(:streams AS text[]), CAST(:keys AS text[])) AS wanted(stream, key) JOIN progress p USING (stream, key))"
    " ON true"
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
    """How far one key has come at this reader, and whether it waits. Changes in memory while a batch is judged.

    Its instants are those of the database's clock, by which the parking looks for what is ripe.
    """

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

    def copy(self) -> Place:
        """One that may run ahead. By hand: `dataclasses.replace` costs four times as much, for every key of every batch."""
        return Place(
            self.stream,
            self.key,
            self.seq,
            self.event_id,
            self.revision,
            self.parked,
            self.detail,
            self.attempts,
            self.parked_at,
            self.retry_at,
            self.changed,
        )

    def judge(self, item: Incoming) -> str | None:
        """None: apply it. SEEN: skip it. Else the reason to park it."""
        envelope = item.envelope
        if envelope.seq <= self.seq:
            conflicting = envelope.seq == self.seq and envelope.event_id != self.event_id
            return CONFLICTING if conflicting else SEEN
        next_up = envelope.seq == self.seq + 1
        if self.parked is not None and not (self.parked == GAP and next_up):
            return BEHIND
        return item.problem if next_up else GAP

    def advance(self, item: Incoming, at: datetime) -> None:
        """The event took effect. A key that waited for just this one goes on with what is parked behind it."""
        self.seq, self.event_id, self.changed = item.envelope.seq, item.envelope.event_id, True
        if self.parked == GAP:
            self.parked, self.retry_at = QUEUED, at

    def park(self, reason: str, at: datetime, *, retry: bool = False, detail: str | None = None) -> None:
        """Parks the key, or leaves it parked for its first reason. `retry`: tried again by itself, later each time."""
        self.changed = True
        if self.parked is not None and (self.parked != GAP or reason in (GAP, BEHIND)):
            return
        self.parked, self.detail, self.parked_at = reason, detail, self.parked_at or at
        self.retry_at = (
            at + timedelta(seconds=min(FIRST_RETRY_S * 2**self.attempts, LONGEST_RETRY_S)) if retry else None
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
        places, at = await load(tx.conn, items)
        faults.point("P2", self.__name__)
        outcomes, parked = await self._judge(tx, places, items, at)
        tx.defer(lambda conn: store(conn, places.values(), parked))
        return outcomes

    async def _judge(
        self, tx: Tx, places: dict[tuple[str, str], Place], items: Sequence[Incoming], at: datetime
    ) -> tuple[list[Outcome], list[Incoming]]:
        """Two passes that cannot disagree: a verdict per item, then the handler's answers for those that are to be applied.

        `at`: the time of the database's server.
        """
        verdicts = self._verdicts(places, items, at)
        answers = await self._answers(tx, items, verdicts)
        self._block_followers(items, answers)
        outcomes: list[Outcome] = []
        parked: list[Incoming] = []
        for item, verdict, answer in zip(items, verdicts, answers, strict=True):
            place = places[item.envelope.stream, item.envelope.key]
            outcome = _settle(place, item, verdict, answer, at)
            outcomes.append(outcome)
            if not isinstance(outcome, Done):
                parked.append(item)
        return outcomes, parked

    def _verdicts(
        self, places: dict[tuple[str, str], Place], items: Sequence[Incoming], at: datetime
    ) -> list[str | None]:
        """As `Place.judge`, each item after those before it, as if the handler will settle whatever it is given."""
        ahead = {key: place.copy() for key, place in places.items()}
        verdicts: list[str | None] = []
        for item in items:
            place = ahead[item.envelope.stream, item.envelope.key]
            verdict = place.judge(item)
            if verdict is None and item.envelope.event_id in self._blocked:
                verdict = BLOCKED
            if verdict is None:
                place.advance(item, at)
            elif verdict != SEEN:
                place.park(verdict, at)
            verdicts.append(verdict)
        return verdicts

    async def _answers(self, tx: Tx, items: Sequence[Incoming], verdicts: Sequence[str | None]) -> list[Outcome | None]:
        """The handler's answer for every item to be applied; a type without a handler is done by itself."""
        asked = [
            received(item)
            for item, verdict in zip(items, verdicts, strict=True)
            if verdict is None and item.event is not None
        ]
        given = await self._handler(tx, asked) if asked else []
        if len(given) != len(asked):
            raise RuntimeError(f"{self.__name__} answered {len(given)} outcomes for {len(asked)} events")
        answers = iter(given)
        return [
            None if verdict is not None else Done() if item.event is None else next(answers)
            for item, verdict in zip(items, verdicts, strict=True)
        ]

    def _block_followers(self, items: Sequence[Incoming], answers: Sequence[Outcome | None]) -> None:
        """An event was decided although one before it in its key could not be: start again without it."""
        stuck: set[tuple[str, str]] = set()
        followers: set[UUID] = set()
        for item, answer in zip(items, answers, strict=True):
            key = (item.envelope.stream, item.envelope.key)
            if answer is not None and key in stuck:
                followers.add(item.envelope.event_id)
            elif answer is not None and not isinstance(answer, Done):
                stuck.add(key)
        if followers:
            self._blocked |= followers
            raise Rerun


def _settle(place: Place, item: Incoming, verdict: str | None, answer: Outcome | None, at: datetime) -> Outcome:
    """Moves the place by what really became of the item."""
    if verdict == SEEN:
        return SEEN_BEFORE
    if verdict == BLOCKED:
        if place.parked is None:  # the event before it was settled in this run after all: this one goes next
            place.park(QUEUED, at)
            place.retry_at = at
        return Failed(BEHIND)
    if verdict is not None:
        if verdict == CONFLICTING:
            metrics.CONFLICTING_EVENTS.labels(place.stream).inc()
        place.park(verdict, at)
        return Failed(verdict)
    match answer:
        case Done():
            place.advance(item, at)
        case NotYet(what):
            place.park("not_yet", at, retry=True, detail=what)
        case Failed(reason):
            place.park(reason, at)
    assert answer is not None
    return answer


async def load(conn: AsyncConnection, items: Sequence[Incoming]) -> tuple[dict[tuple[str, str], Place], datetime]:
    """Where each key of the batch stands, and the server's time; keys never seen stand at 0."""
    keys = sorted({(item.envelope.stream, item.envelope.key) for item in items})
    found = (await conn.execute(_LOAD, {"streams": [s for s, _ in keys], "keys": [k for _, k in keys]})).all()
    places = {(stream, key): Place(stream, key) for stream, key in keys}
    places.update({(row.stream, row.key): Place(*row[:-1]) for row in found if row.key is not None})
    return places, found[0].at


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
    await rows.keep(conn, parked_events, [_parked_row(item) for item in parked])


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
