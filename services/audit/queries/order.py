"""Whether every key's events are there from the first one on, in their order: what is missing, doubled or came before its turn. And which
records on the topics were none of ours, or carried other bytes under a known id.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


class Oddity(StrEnum):
    GAP = "gap"
    """Events of these numbers never came: lost on the way, deleted by hand, or from before the archive began."""
    DOUBLE = "double"
    """Two events claim one number of a key."""
    EARLY = "early"
    """It came before the one that it follows on."""
    ALTERED = "altered"
    """A record with the id of an archived event and other bytes: what was archived first counts."""
    STRANGER = "stranger"
    """A record that is no event of ours. One of an unknown type in a whole envelope may be of a newer writer, and is archived as an event."""


class Carrier(NamedTuple):
    """The record itself, by what finds it alone: what lies in it may be anybody's data."""

    topic: str
    partition: int
    offset: int
    written_at: datetime | None
    seen_at: datetime
    hash: bytes
    verdict: str


class Odd(NamedTuple):
    """`seq`: of a gap the first that is missing, and `until` the last. Of an altered record all four are those of the event whose id it has, of
    a stranger None; `record` and `reason` are of these two alone, `reason` of a stranger: a code, never a value.
    """

    oddity: Oddity
    stream: str | None
    key: str | None
    seq: int | None
    until: int | None
    event_id: UUID | None = None
    reason: str | None = None
    record: Carrier | None = None


# By number what is missing or doubled; by place what came before its turn. A gap that ends with an early event is none.
_ODD = (
    "SELECT * FROM (SELECT CASE WHEN seq = before THEN 'double' ELSE 'gap' END AS oddity, stream, key,"
    " CASE WHEN seq = before THEN seq ELSE before + 1 END AS seq, CASE WHEN seq = before THEN seq ELSE seq - 1 END AS until"
    " FROM (SELECT stream, key, seq, lag(seq, 1, 0::bigint) OVER (PARTITION BY stream, key ORDER BY seq) AS before FROM archive{of}) AS n"
    " WHERE seq <> before + 1"
    " UNION ALL SELECT 'early', stream, key, seq, seq FROM (SELECT stream, key, seq, place,"
    "  lag(place, 1, -1::bigint) OVER (PARTITION BY stream, key ORDER BY seq, place) AS before FROM archive{of}) AS p WHERE before > place) AS odd"
    " WHERE CAST(:kind AS text) IS NULL OR oddity = CAST(:kind AS text)"
    " ORDER BY 2, 3, 4, 1 LIMIT :most"
)
_OF_ALL, _OF_ONE = sa.text(_ODD.format(of="")), sa.text(_ODD.format(of=" WHERE stream = :stream AND key = :key"))
# By the index of odd records, which holds no others. What belongs to no key is left out where one is asked for.
_CARRIED = (
    "SELECT verdict, stream, key, seq, seq AS until, event_id, reason,"
    ' topic, "partition", "offset", written_at, seen_at, hash, verdict FROM'
    " (SELECT * FROM sightings WHERE verdict IN ('altered', 'stranger')"
    "  AND (CAST(:kind AS text) IS NULL OR verdict = CAST(:kind AS text))) AS seen"
    " {join} JOIN (SELECT place, stream, key, seq, event_id FROM archive{of}) AS events USING (place)"
    ' ORDER BY verdict, topic, "partition", "offset", hash LIMIT :most'
)
_CARRIED_OF_ALL = sa.text(_CARRIED.format(join="LEFT", of=""))
_CARRIED_OF_ONE = sa.text(_CARRIED.format(join="", of=" WHERE stream = :stream AND key = :key"))


async def oddities(
    conn: AsyncConnection, *, of: tuple[str, str] | None = None, kind: Oddity | None = None, most: int = 1_000
) -> list[Odd]:
    """The first of them: records by verdict and where they lie, for they are few and weigh most, and then the order by stream, key and number.
    `of`: of this stream and key alone, which reads their rows only; `kind`: of this kind alone. Two statements, each over an index.
    """
    names = {"kind": kind} | ({} if of is None else {"stream": of[0], "key": of[1]})
    carried = await conn.execute(_CARRIED_OF_ALL if of is None else _CARRIED_OF_ONE, {"most": most, **names})
    odd = [
        Odd(Oddity(row[0]), row.stream, row.key, row.seq, row.until, row.event_id, row.reason, Carrier(*row[7:]))
        for row in carried.all()
    ]
    if len(odd) < most:
        found = await conn.execute(_OF_ALL if of is None else _OF_ONE, {"most": most - len(odd), **names})
        odd += [Odd(Oddity(row.oddity), *row[1:]) for row in found.all()]
    return odd
