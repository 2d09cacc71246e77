"""The events of one service as the archive has them, in the order in which that service folds them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import archived
from chassis.archived import Segment
from services.audit.cold.shelf import Shelf
from services.audit.domain.leaves import BadLeaf, Leaf
from services.audit.queries.leaves import with_leaves
from services.audit.tables import archive

_PAGE = 1_000
# Ids are made in the order of what is decided, by each process with its own clock: none comes before the one before it of its key. An event
# is known from when it and all before it of its key were recorded. Places are sorted, not leaves: those are fetched page by page. What came
# after the segment has no say in its order, so it is the same when it is asked for once more.
_ORDER = (
    "SELECT place FROM (SELECT place, event_id, stream, key, seq,"
    ' max(event_id::text COLLATE "C") OVER before AS turn, max(recorded_at) OVER before AS known_at'
    " FROM archive WHERE source = :source AND place < :end WINDOW before AS (PARTITION BY stream, key ORDER BY seq)) AS own"
    " WHERE (place >= :first OR event_id = ANY(CAST(:also AS uuid[]))){} ORDER BY {}stream, key, seq, place OFFSET :passed"
)
_TURN, _KNOWN = "turn, ", " AND known_at <= :until"


async def lines(
    conn: AsyncConnection,
    source: str,
    segment: Segment,
    shelf: Shelf,
    *,
    passed: int = 0,
    key_by_key: bool = False,
    until: datetime | None = None,
    files_first: bool = False,
) -> AsyncIterator[list[bytes]]:
    """Pages of a segment of a feed without its first so many lines; in the order of ids, or `key_by_key`; `until`: what was recorded by then;
    `files_first`: events that a cold month has come from its files, not only those that left the database. Needs one picture of the database.
    """
    asked = sa.text(_ORDER.format("" if until is None else _KNOWN, "" if key_by_key else _TURN))
    asked = asked if until is None else asked.bindparams(until=until)
    bound = {
        "source": source,
        "first": segment.first,
        "end": segment.end,
        "also": [*segment.also],
        "passed": passed,
    }
    found = await conn.stream_scalars(asked.bindparams(**bound).execution_options(yield_per=_PAGE))
    async for places in found.partitions():
        rows = await with_leaves(shelf, await _rows(conn, places), files_first=files_first)
        known = {row["place"]: row for row in rows}
        yield [_line(known[place]["event_id"], known[place]["leaf"]) for place in places]


async def _rows(conn: AsyncConnection, places: Sequence[int]) -> Sequence[Mapping[Any, Any]]:
    asked = sa.text("SELECT place, event_id, leaf FROM archive WHERE place = ANY(:places)")
    return (await conn.execute(asked, {"places": [*places]})).mappings().all()


def _line(event_id: UUID, raw: bytes | None) -> bytes:
    if raw is None:
        return archived.unreadable(event_id, "cold_month_missing")
    try:
        leaf = Leaf.decode(bytes(raw))
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
