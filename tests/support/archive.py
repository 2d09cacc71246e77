"""A service's events as the archive would hand them over, and how far its relay is said to have come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis import archived, eventlog
from chassis.archived import batches
from chassis.crosscheck import Feed
from chassis.records import Coordinates, Record
from chassis.sofar import Mark
from chassis.tables import BUCKETS
from tests.support.service import Harness

_SENT = sa.text(
    "INSERT INTO relay_cursors (bucket, tx_id, position, system_identifier, floor)"
    f" SELECT bucket, pg_current_xact_id(), 0, 1, 0 FROM generate_series(0, {BUCKETS - 1}) AS bucket"
    " ON CONFLICT (bucket) DO UPDATE SET tx_id = excluded.tx_id"
)


async def sent(h: Harness) -> None:
    """Everything that is in the log now was sent."""
    async with h.app.engine.begin() as conn:
        await conn.execute(_SENT)


async def published(h: Harness) -> list[Record]:
    """What its relay would have sent of the whole log, which counts as sent from now on."""
    rows = await _log(h)
    await sent(h)
    return [
        Record(
            Coordinates(f"perisai.{h.service.catalogue.topics[row.stream]}", 0, number),
            row.key.encode(),
            bytes(row.payload),
            tuple(eventlog.envelope_of(row, h.service.name).to_headers()),
        )
        for number, row in enumerate(rows)
    ]


async def kept(h: Harness) -> list[bytes]:
    """Every event of the log as a line of a feed, in the order of the log."""
    return [
        archived.line(
            row.event_id,
            h.service.catalogue.topics[row.stream],
            row.key.encode(),
            bytes(row.payload),
            eventlog.envelope_of(row, h.service.name).to_headers(),
        )
        for row in await _log(h)
    ]


async def _log(h: Harness) -> Sequence[Any]:
    async with h.app.read() as conn:
        found = await conn.execute(sa.text(f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM event_log ORDER BY position"))
        return found.all()


def whole(lines: Sequence[bytes]) -> bytes:
    """A feed with its end."""
    return b"".join(lines) + archived.end(len(lines))


def feed_of(lines: Sequence[bytes]) -> Feed:
    """The same as a service reads it."""

    async def parts() -> AsyncIterator[Sequence[bytes]]:
        yield whole(lines).splitlines(keepends=True)

    return batches(parts())


async def nothing(_: Sequence[UUID], after: Mark | None) -> None:
    """Waits for nothing before the feed."""
