"""The stored tiles, and which of them a proof needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.audit.domain.merkle import Span, nodes_of
from services.audit.domain.tiles import Tile, tile_of

_HELD = sa.text(
    "SELECT level, number, width, hashes FROM tiles JOIN"
    " unnest(CAST(:levels AS smallint[]), CAST(:numbers AS bigint[]), CAST(:widths AS smallint[]))"
    " AS wanted(level, number, width) USING (level, number, width)"
)


def needed(spans: Iterable[Span], size: int) -> set[Tile]:
    """The tiles of a tree of this size in which the hashes of these spans are."""
    return {tile_of(node, size) for span in spans for node in nodes_of(span)}


async def stored_tiles(conn: AsyncConnection, wanted: Collection[Tile]) -> dict[Tile, bytes]:
    """Those of these tiles that are there, their hashes side by side. One statement."""
    columns = {f"{name}s": [getattr(tile, name) for tile in wanted] for name in Tile._fields}
    found = (await conn.execute(_HELD, columns)).all() if wanted else []
    return {Tile(*row[:3]): bytes(row.hashes) for row in found}


async def held_tiles(conn: AsyncConnection, wanted: Collection[Tile]) -> dict[Tile, bytes]:
    """As `stored_tiles`. Raises LookupError when one is not there."""
    held = await stored_tiles(conn, wanted)
    if missing := {*wanted} - held.keys():
        raise LookupError(f"the tree lacks {min(missing).path}")
    return held
