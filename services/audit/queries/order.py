"""Whether every key's events are there from the first one on, in their order: what is missing, doubled or came before its turn."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


class Oddity(StrEnum):
    GAP = "gap"
    """Events of these numbers never came: lost on the way, deleted by hand, or from before the archive began."""
    DOUBLE = "double"
    """Two events claim one number of a key."""
    EARLY = "early"
    """It came before the one that it follows on."""


class Odd(NamedTuple):
    """`seq`: of a gap the first that is missing, and `until` the last."""

    oddity: Oddity
    stream: str
    key: str
    seq: int
    until: int


# By number what is missing or doubled; by place what came before its turn. A gap that ends with an early event is none.
_ODD = (
    "SELECT CASE WHEN seq = before THEN 'double' ELSE 'gap' END AS oddity, stream, key,"
    " CASE WHEN seq = before THEN seq ELSE before + 1 END AS seq, CASE WHEN seq = before THEN seq ELSE seq - 1 END AS until"
    " FROM (SELECT stream, key, seq, lag(seq, 1, 0::bigint) OVER (PARTITION BY stream, key ORDER BY seq) AS before FROM archive{of}) AS n"
    " WHERE seq <> before + 1"
    " UNION ALL SELECT 'early', stream, key, seq, seq FROM (SELECT stream, key, seq, place,"
    "  lag(place, 1, -1::bigint) OVER (PARTITION BY stream, key ORDER BY seq, place) AS before FROM archive{of}) AS p WHERE before > place"
    " ORDER BY 2, 3, 4, 1 LIMIT :most"
)
_OF_ALL = sa.text(_ODD.format(of=""))
_OF_ONE = sa.text(_ODD.format(of=" WHERE stream = :stream AND key = :key"))


async def oddities(conn: AsyncConnection, *, of: tuple[str, str] | None = None, most: int = 1_000) -> list[Odd]:
    """The first of them by stream, key and number; `of`: of this stream and key alone, which reads their rows only. One statement over the
    index of keys.
    """
    if of is None:
        found = await conn.execute(_OF_ALL, {"most": most})
    else:
        found = await conn.execute(_OF_ONE, {"stream": of[0], "key": of[1], "most": most})
    return [Odd(Oddity(row.oddity), *row[1:]) for row in found.all()]
