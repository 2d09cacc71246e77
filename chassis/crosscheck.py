"""The service's own event log beside the archive: what either side lacks, and what is not the same on both.

The log is looked at first and the archive later, so the archive may have more. What it has beyond is looked for in the log as it is by
then: found there, it is newer; found nowhere, the log has lost it. What the log has and was not handed over is missing in the archive if the
relay had sent it; what had not been sent yet is counted and is no fault.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import eventlog
from chassis.archived import Archived, Batch, Segment, Unreadable
from chassis.database import steady
from chassis.eventlog import Stored
from chassis.service import Service
from chassis.sofar import Mark, Part, SoFar
from contracts.envelope import Envelope

MOST_NAMED = 1_000
NEWEST = 10_000
"""So many sent events are waited for in the archive before it is read: what is on its way is not missing."""
_PAGE = 1_000

Feed = AsyncIterator[Batch]
Ready = Callable[[Sequence[UUID], Mark | None], Awaitable[None]]
"""Told which events to wait for in the archive, and after what the feed goes on; it may begin when this returns."""
_Place = tuple[str, str, int]

_CURSORS = (
    "LEFT JOIN (SELECT bucket, floor, tx_id AS sent_tx, position AS sent_to FROM relay_cursors) AS c USING (bucket)"
)
_SENT = "(position <= COALESCE(floor, 0) OR (tx_id, position) <= (COALESCE(sent_tx, '0'::xid8), COALESCE(sent_to, 0)))"
_NEWEST_SENT = sa.text(f"SELECT event_id FROM event_log {_CURSORS} WHERE {_SENT} ORDER BY position DESC LIMIT :limit")
_AT = sa.text(
    f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[]), CAST(:seqs AS bigint[]))"
    " AS wanted(stream, key, seq) JOIN event_log USING (stream, key, seq)"
)
_POSITIONS = sa.text("SELECT position FROM event_log ORDER BY position")
_POSITIONS_UNTIL = sa.text(f"{eventlog.KNOWN_BY} ORDER BY position")
_BEGINS = sa.text("SELECT recorded_at FROM event_log ORDER BY position LIMIT 1")
_ROWS = sa.text(
    f"SELECT position, {_SENT} AS sent, {eventlog.ENVELOPE_COLUMNS} FROM event_log {_CURSORS}"
    " WHERE position = ANY(:positions) ORDER BY position"
)


class Kind(StrEnum):
    MISSING = "missing_in_archive"
    """The log has it and the relay sent it; the archive does not have it."""
    EXTRA = "missing_in_log"
    """The archive has it; the log has nothing at its place."""
    DIFFERS = "differs"
    DOUBLE = "double"
    """The archive has a second event of the same place."""
    UNREADABLE = "unreadable"
    """What the archive has under this id is no event."""


SAID: Final = {
    Kind.MISSING: "missing in the archive / tidak ada di arsip",
    Kind.EXTRA: "missing in the log / tidak ada di log layanan",
    Kind.DIFFERS: "differs / berbeda",
    Kind.DOUBLE: "a second event of its place / peristiwa kedua di tempatnya",
    Kind.UNREADABLE: "unreadable / tidak terbaca",
}
"""To people."""


class Discrepancy(NamedTuple):
    """One event on which log and archive disagree; values are never shown. `what`: the attributes that differ, or why it cannot be read."""

    kind: Kind
    event_id: str
    stream: str = ""
    key: str = ""
    seq: int = 0
    what: tuple[str, ...] = ()


@dataclass(slots=True)
class Tally:
    """`log`: its events in the picture; `archived`: events handed over, of which `newer` came after the picture; `unsent`: of the log, not
    sent yet. The first `MOST_NAMED` discrepancies are `named`, all are counted. `log_begins`, `archive_begins`: when the first event of
    either was recorded (ISO 8601, UTC); None where there is none.
    """

    log: int = 0
    archived: int = 0
    newer: int = 0
    unsent: int = 0
    discrepancies: int = 0
    named: list[Discrepancy] = field(default_factory=list)
    log_begins: str | None = None
    archive_begins: str | None = None

    @property
    def equal(self) -> bool:
        return not self.discrepancies

    @property
    def begins_late(self) -> bool:
        """Whether the archive knows nothing of the log's beginning: what is missing in it is missing from the first event on."""
        if self.equal or self.log_begins is None:
            return False
        return self.archive_begins is None or self.archive_begins > self.log_begins

    def as_json(self) -> dict[str, Any]:
        told = {"named": [one._asdict() for one in self.named], "equal": self.equal, "begins_late": self.begins_late}
        return {**asdict(self), **told}

    def begin(self, events: Iterable[Archived]) -> None:
        """Notes when the first of the archive's was recorded."""
        for one in events:
            at = _instant(one.envelope.recorded_at)
            if self.archive_begins is None or at < self.archive_begins:
                self.archive_begins = at

    def name(self, *found: Discrepancy) -> None:
        self.discrepancies += len(found)
        self.named += found[: MOST_NAMED - len(self.named)]


class Beside:
    """The log in one picture, and how much of it was handed over: a bit for each of its positions is all that is kept of it."""

    def __init__(
        self, service: Service, engine: AsyncEngine, picture: AsyncConnection, *, until: datetime | None = None
    ) -> None:
        """`picture`: a steady one. `until`: nothing that was recorded later is looked for; the feed ends there too."""
        self._service, self._engine, self._picture, self._until = service, engine, picture, until
        self._given = bytearray()
        self._new: list[int] = []
        self._passed: list[UUID] = []
        self._from_log: set[int] = set()
        self._segment = Segment()
        self.tally = Tally()

    def restore(self, so_far: SoFar) -> None:
        """As it was when this was kept, but for the picture: what is in it now and was not then counts now."""
        for position in so_far.given:
            self._give(position)
        self._new = []
        self._passed = [*map(UUID, so_far.mark["passed"])]
        self._from_log = {*so_far.mark["from_log"]}
        self._segment = Segment.of_json(so_far.mark["segment"])
        told = so_far.mark["tally"]
        named = [Discrepancy(**{**one, "kind": Kind(one["kind"]), "what": tuple(one["what"])}) for one in told["named"]]
        counts = {name: told[name] for name in ("archived", "newer", "discrepancies", "archive_begins")}
        self.tally = Tally(**counts, named=named)

    def turn_to(self, segment: Segment) -> None:
        """What it holds of what was passed over as newer comes once more, and is counted then."""
        if segment == self._segment:
            return
        self._segment, before = segment, len(self._passed)
        self._passed = [one for one in self._passed if one not in segment.also]
        self.tally.newer -= before - len(self._passed)
        self.tally.archived -= before - len(self._passed)

    def mark(self, batch: Batch, tally: dict[str, Any] | None = None) -> tuple[list[int], Mark]:
        """Positions that were handed over since the last one, and all else that `restore` needs."""
        new, self._new = self._new, []
        return new, {
            "segment": batch.segment.as_json(),
            "lines": batch.lines,
            "passed": [str(one) for one in self._passed],
            "from_log": sorted(self._from_log),
            "tally": tally or self.tally.as_json(),
        }

    async def newest_sent(self) -> list[UUID]:
        """What to wait for in the archive before it is read."""
        return list((await self._picture.execute(_NEWEST_SENT, {"limit": NEWEST})).scalars())

    async def judge(self, batch: Sequence[Archived | Unreadable]) -> list[Archived]:
        """Those that belong into the picture, in it or lost by it, each once; in their order."""
        events = [one for one in batch if isinstance(one, Archived)]
        self.tally.archived += len(batch)
        self.tally.begin(events)
        for bad in batch:
            if isinstance(bad, Unreadable):
                self.tally.name(Discrepancy(Kind.UNREADABLE, str(bad.event_id), what=(bad.reason,)))
        known = await self._at(self._picture, events)
        newer = await self._newer([one for one in events if _place(one.envelope) not in known])
        return [one for one in events if self._belongs(one, known, newer)]

    async def unsent(self) -> AsyncIterator[list[Stored]]:
        """What was not handed over and not sent yet, in the order of the log; what had been sent is named as missing. After the feed."""
        left: list[int] = []
        begins = (await self._picture.execute(_BEGINS)).scalar()
        self.tally.log_begins = None if begins is None else _instant(begins)
        async for positions in self._positions():
            self.tally.log += len(positions)
            left += [position for position in positions if not self._is_given(position)]
            if len(left) >= _PAGE:
                yield await self._not_given(left)
                left = []
        yield await self._not_given(left)

    async def _positions(self) -> AsyncIterator[Sequence[int]]:
        asked = _POSITIONS if self._until is None else _POSITIONS_UNTIL.bindparams(until=self._until)
        found = await self._picture.stream_scalars(asked.execution_options(yield_per=_PAGE))
        async for part in found.partitions():
            yield part

    async def _not_given(self, positions: Sequence[int]) -> list[Stored]:
        if not positions:
            return []
        rows = (await self._picture.execute(_ROWS, {"positions": [*positions]})).all()
        stored = [(eventlog.envelope_of(row, self._service.name), row) for row in rows]
        self.tally.name(*(_about(Kind.MISSING, envelope) for envelope, row in stored if row.sent))
        waiting = [(envelope, row) for envelope, row in stored if not row.sent]
        self.tally.unsent += len(waiting)
        new = [(envelope, row) for envelope, row in waiting if row.position not in self._from_log]
        self._from_log.update(row.position for _, row in new)
        return [Stored(envelope, bytes(row.payload)) for envelope, row in new]

    def _belongs(self, one: Archived, known: Mapping[_Place, sa.Row[Any]], newer: Mapping[_Place, sa.Row[Any]]) -> bool:
        place = _place(one.envelope)
        row = known.get(place)
        if row is None and place not in newer:
            self.tally.name(_about(Kind.EXTRA, one.envelope))
            return True
        if what := self._unlike(one, row or newer[place]):
            self.tally.name(_about(Kind.DIFFERS, one.envelope, what))
        if row is None:
            self.tally.newer += 1
            self._passed.append(one.envelope.event_id)
            return False
        if self._is_given(row.position):
            self.tally.name(_about(Kind.DOUBLE, one.envelope))
            return False
        self._give(row.position)
        return row.position not in self._from_log

    def _give(self, position: int) -> None:
        if not self._is_given(position):
            self._given[position >> 3] |= 1 << (position & 7)
            self._new.append(position)

    def _unlike(self, one: Archived, row: sa.Row[Any]) -> tuple[str, ...]:
        """The names of what is not the same; what stands in no column of the log (a tracer's header) cannot be compared."""
        own, other = eventlog.envelope_of(row, self._service.name), one.envelope
        if (own, row.payload, own.key.encode()) == (other, one.value, one.key) and one.topic == self._topic_of(
            own.stream
        ):
            return ()
        found = [name for name, mine, theirs in zip(Envelope._fields, own, other, strict=True) if mine != theirs]
        found += ["topic"] if one.topic != self._topic_of(own.stream) else []
        found += ["record key"] if one.key != own.key.encode() else []
        found += ["payload"] if one.value != bytes(row.payload) else []
        return tuple(found)

    def _topic_of(self, stream: str) -> str | None:
        return self._service.catalogue.topics.get(stream)

    def _is_given(self, position: int) -> bool:
        if position >> 3 >= len(self._given):
            self._given.extend(bytes((position >> 3) + 1 - len(self._given)))
        return bool(self._given[position >> 3] >> (position & 7) & 1)

    async def _newer(self, events: Sequence[Archived]) -> dict[_Place, sa.Row[Any]]:
        if not events:
            return {}
        async with self._engine.connect() as now:
            return await self._at(now, events)

    async def _at(self, conn: AsyncConnection, events: Sequence[Archived]) -> dict[_Place, sa.Row[Any]]:
        """What the log has at the places of these events."""
        if not events:
            return {}
        streams, keys, seqs = zip(*(_place(one.envelope) for one in events), strict=True)
        found = (await conn.execute(_AT, {"streams": [*streams], "keys": [*keys], "seqs": [*seqs]})).all()
        return {(row.stream, row.key, row.seq): row for row in found}


async def cross_check(
    service: Service, engine: AsyncEngine, feed: Feed, *, ready: Ready, progress: Callable[[int], None]
) -> Tally:
    """Compares the log with what the archive hands over. Raises BrokenOff: then nothing can be said."""
    async with engine.connect() as picture:
        await steady(picture)
        beside = Beside(service, engine, picture)
        await ready(await beside.newest_sent(), None)
        async for batch in feed:
            await beside.judge(batch.held)
            progress(beside.tally.archived)
        async for _ in beside.unsent():
            pass  # counted
        return beside.tally


class FromArchive:
    """Own events as the archive has them, as a source of a replay; what the relay had not sent yet comes from the log itself, last."""

    def __init__(
        self, service: Service, engine: AsyncEngine, feed: Feed, *, ready: Ready, until: datetime | None = None
    ) -> None:
        self._service, self._engine, self._feed, self._ready, self._until = service, engine, feed, ready, until
        self.tally = Tally()

    async def __call__(self, picture: AsyncConnection, so_far: SoFar | None = None) -> AsyncIterator[Part]:
        beside = Beside(self._service, self._engine, picture, until=self._until)
        if so_far is not None:
            beside.restore(so_far)
        self.tally = beside.tally
        await self._ready(await beside.newest_sent(), so_far.mark if so_far else None)
        batch = Batch(
            [], *((Segment.of_json(so_far.mark["segment"]), so_far.mark["lines"]) if so_far else (Segment(), 0))
        )
        async for batch in self._feed:
            beside.turn_to(batch.segment)
            events = [Stored(one.envelope, one.value) for one in await beside.judge(batch.held)]
            yield Part(events, *beside.mark(batch))
        tally = beside.tally.as_json()  # of what is missing or not sent the next one speaks again
        async for events in beside.unsent():
            yield Part(events, *beside.mark(batch, tally))


def _instant(at: datetime) -> str:
    """In UTC and with its microseconds, so that texts compare as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _place(envelope: Envelope) -> _Place:
    return envelope.stream, envelope.key, envelope.seq


def _about(kind: Kind, envelope: Envelope, what: tuple[str, ...] = ()) -> Discrepancy:
    return Discrepancy(kind, str(envelope.event_id), envelope.stream, envelope.key, envelope.seq, what)
