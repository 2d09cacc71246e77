"""Every record of every topic into the archive: an event once, as the leaf that it is, and each of the records that carried it.

Whoever archives holds `log_head` until its commit, so leaves stand without holes in the order in which they became durable, and a leaf once
committed never has a new one before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import faults, records, rows
from chassis.batches import Batches, Broken
from chassis.outcomes import Done
from chassis.records import Bad, Record
from chassis.transaction import Tx
from contracts.event import Catalogue
from services.audit.domain.leaves import Leaf
from services.audit.domain.merkle import leaf_hash
from services.audit.domain.subjects import shown_of
from services.audit.entries import entry_of
from services.audit.tables import archive, shown, sightings

FIRST, REPEAT, ALTERED, STRANGER = "first", "repeat", "altered", "stranger"
# Makes the row when it is not there yet, and holds it either way.
_TURN = sa.text(
    "INSERT INTO log_head (id, size) VALUES (1, 0) ON CONFLICT (id) DO UPDATE SET size = log_head.size RETURNING size"
)
_GROWN = sa.text("UPDATE log_head SET size = :size WHERE id = 1")
# The leaf of a cold month left the database; the record that brought it is still noted.
_KNOWN = sa.text(
    "SELECT event_id, place, COALESCE(sha256('\\x00'::bytea || leaf), (SELECT hash FROM sightings"
    " WHERE sightings.place = archive.place AND verdict = 'first' LIMIT 1)) AS hash FROM archive WHERE event_id = ANY(:ids)"
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A record with what it carries: an event of ours, or the reason why it is none."""

    record: Record
    topic: str
    leaf: bytes
    hash: bytes
    found: records.Read | Bad


@dataclass(slots=True)
class _Log:
    """The archive while a batch goes in: its size, and which events it has with which hash."""

    size: int
    known: dict[UUID, tuple[int, bytes]]
    added: list[dict[str, object]] = field(default_factory=list)
    shown: list[dict[str, object]] = field(default_factory=list)

    def place_of(self, taken: Taken) -> tuple[int, str]:
        """Where the event of this record stands, after adding it when it is new, and the verdict on the record."""
        assert isinstance(taken.found, records.Read)
        event_id = taken.found.envelope.event_id
        if event_id in self.known:
            place, hash_ = self.known[event_id]
            return place, REPEAT if hash_ == taken.hash else ALTERED
        place = self.size + len(self.added)
        self.known[event_id] = place, taken.hash
        envelope, value = taken.found.envelope, taken.found.value
        self.added.append({"place": place, "leaf": taken.leaf, **entry_of(taken.topic, envelope, value)})
        self.shown += [
            {"participant_id": who, "recorded_at": envelope.recorded_at, "place": place}
            for who in shown_of(envelope.stream, value)
        ]
        return place, FIRST


class Archiving:
    """The archive of all topics; `keep` stands behind the reader of each."""

    def __init__(self, batches: Batches, catalogue: Catalogue, prefix: str) -> None:
        self._batches, self._catalogue, self._prefix = batches, catalogue, prefix

    async def keep(self, found: Sequence[Record]) -> None:
        """Durable when it returns. Raises when it could not be kept: the database's errors, or a bug's."""
        for outcome in await self._batches.run(archive_records, [self._taken(record) for record in found]):
            if isinstance(outcome, Broken):
                raise outcome.error

    def _taken(self, record: Record) -> Taken:
        topic = record.at.topic.removeprefix(self._prefix)
        leaf = Leaf(topic, record.key, record.value, record.headers).encode()
        return Taken(record, topic, leaf, leaf_hash(leaf), records.read(record, self._catalogue, topic))


async def archive_records(tx: Tx, items: Sequence[Taken], /) -> list[Done]:
    """The use case: nothing is decided, so nothing is loaded, and all is written under the turn of the log."""
    faults.point("A1")
    tx.defer(lambda conn: _write(conn, items, tx.wall))
    return [Done()] * len(items)


async def _write(conn: AsyncConnection, items: Sequence[Taken], seen_at: datetime) -> None:
    size = (await conn.execute(_TURN)).scalar_one()
    ids = sorted({item.found.envelope.event_id for item in items if isinstance(item.found, records.Read)})
    known = (await conn.execute(_KNOWN, {"ids": ids})).all() if ids else []
    log = _Log(size, {row.event_id: (row.place, bytes(row.hash)) for row in known})
    seen = [_sighting(item, log, seen_at) for item in items]
    await rows.insert(conn, archive, log.added, order=["place"])
    await rows.insert(conn, shown, log.shown)
    await rows.keep(conn, sightings, seen)
    if log.added:
        await conn.execute(_GROWN, {"size": size + len(log.added)})
    faults.point("A2")


def _sighting(taken: Taken, log: _Log, seen_at: datetime) -> dict[str, object]:
    record, found = taken.record, taken.found
    place, verdict = log.place_of(taken) if isinstance(found, records.Read) else (None, STRANGER)
    return {
        "topic": taken.topic,
        "partition": record.at.partition,
        "offset": record.at.offset,
        "hash": taken.hash,
        "place": place,
        "written_at": None if record.written_ms is None else datetime.fromtimestamp(record.written_ms / 1_000, UTC),
        "seen_at": seen_at,
        "verdict": verdict,
        "reason": found.reason if isinstance(found, Bad) else None,
    }
