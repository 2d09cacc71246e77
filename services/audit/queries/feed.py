"""The events of one service as the archive has them, in the order in which that service folds them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import archived
from chassis.archived import Segment
from services.audit.domain.leaves import BadLeaf, Leaf
from services.audit.tables import archive

_PAGE = 1_000
# Ids are made in the order of what is decided, by each process with its own clock: none comes before the one before it of its key. An event
# is known from when it and all before it of its key were recorded. Places are sorted, not leaves: those are fetched page by page. What came
# after the segment has no say in its order, so it is the same when it is asked for once more.
_ORDER = (
    "SELECT place FROM (SELECT place, event_id, stream, key, seq,"
    ' max(event_id::text COLLATE "C") OVER before AS turn, max(recorded_at) OVER before AS known_at'
    " FROM archive WHERE source = :source AND place < :end WINDOW before AS (PARTITION BY stream, key ORDER BY seq)) AS own"
    " WHERE (place >= :first OR event_id = ANY(CAST(:also AS uuid[]))){} ORDER BY turn, stream, key, seq, place OFFSET :passed"
)
_ALL = sa.text(_ORDER.format(""))
_UNTIL = sa.text(_ORDER.format(" AND known_at <= :until"))


async def lines(
    conn: AsyncConnection, source: str, segment: Segment, *, passed: int = 0, until: datetime | None = None
) -> AsyncIterator[list[bytes]]:
    """Pages of a segment of a feed without its first so many lines; `until`: what was recorded by then. Needs one picture of the database."""
    asked = _ALL if until is None else _UNTIL.bindparams(until=until)
    bound = {
        "source": source,
        "first": segment.first,
        "end": segment.end,
        "also": [*segment.also],
        "passed": passed,
    }
    found = await conn.stream_scalars(asked.bindparams(**bound).execution_options(yield_per=_PAGE))
    async for places in found.partitions():
        yield await _page(conn, places)


async def _page(conn: AsyncConnection, places: Sequence[int]) -> list[bytes]:
    asked = sa.text("SELECT place, event_id, leaf FROM archive WHERE place = ANY(:places)")
    rows = {row.place: row for row in await conn.execute(asked, {"places": [*places]})}
    return [_line(rows[place].event_id, bytes(rows[place].leaf)) for place in places]


def _line(event_id: UUID, raw: bytes) -> bytes:
    try:
        leaf = Leaf.decode(raw)
    except BadLeaf:
        return archived.unreadable(event_id, "bad_leaf")
    return archived.line(event_id, leaf.topic, leaf.key, leaf.value, leaf.headers)


async def absent(conn: AsyncConnection, wanted: Sequence[UUID]) -> list[UUID]:
    """Those of these events that are not in the archive."""
    asked = sa.select(archive.c.event_id).where(
        archive.c.event_id == sa.any_(sa.bindparam("ids", [*wanted], type_=sa.ARRAY(sa.UUID)))
    )
    there = {*(await conn.execute(asked)).scalars()}
    return [one for one in wanted if one not in there]
