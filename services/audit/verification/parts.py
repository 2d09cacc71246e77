"""One range of the archive against what is proved of it: read, hashed and compared by itself, so that ranges go side by side."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.envelope import BadEnvelope
from services.audit.cold.shelf import Shelf
from services.audit.domain.leaves import BadLeaf
from services.audit.domain.merkle import leaf_hash
from services.audit.domain.subjects import READS
from services.audit.domain.tiles import WIDTH, Tile, hashes_in, leads_to
from services.audit.domain.verifying import Finding, Kind, Part, Row, compare, other_tile, together
from services.audit.entries import entry_of_leaf, shown_of_leaf
from services.audit.publishing import tile_in
from services.audit.queries.leaves import with_leaves
from services.audit.queries.tree import stored_tiles
from services.audit.tables import archive, shown


class Proven(NamedTuple):
    """A tile of leaf hashes by what is known of it: its root, or, at the right edge, its hashes."""

    tile: Tile
    root: bytes | None
    hashes: bytes | None = None


Judge = Callable[[Sequence[Proven]], Awaitable[Part]]
"""Judges one range, wherever it does so."""


async def judge(conn: AsyncConnection, folder: Path, tiles: Sequence[Proven], shelf: Shelf) -> Part:
    """Every row under these tiles, which follow each other; `shelf`: where the leaves of months are that left the database."""
    # each statement by itself: nothing here changes, and hashing takes longer than a role may be idle in a transaction
    await conn.execution_options(isolation_level="AUTOCOMMIT")
    start, end = tiles[0].tile.number * WIDTH, tiles[-1].tile.number * WIDTH + tiles[-1].tile.width
    rows, cold = await _rows(conn, shelf, start, end)
    stored = await stored_tiles(conn, [proven.tile for proven in tiles])
    return together(_judged(proven, stored.get(proven.tile), folder, rows, cold) for proven in tiles)


def _judged(
    proven: Proven, stored: bytes | None, folder: Path, rows: Mapping[int, Row], cold: Mapping[int, Row]
) -> Part:
    start = proven.tile.number * WIDTH
    hashes, findings = proven.hashes, []
    if hashes is None:
        found, hashes = _proved_copy(proven, [stored, tile_in(folder, proven.tile), _of_rows(start, {**rows, **cold})])
        findings += [found] if found else []
    elif stored != hashes:
        findings.append(other_tile(proven.tile))
    if hashes is None:
        return Part(findings=tuple(findings))
    signed = hashes_in(hashes)
    # what a file says of an event is judged there (services.audit.cold.judging): here only whether the columns are that event's
    left = {
        place: row if row.hash == signed[place - start] else row._replace(hash=signed[place - start], misfiled=())
        for place, row in cold.items()
        if 0 <= place - start < len(signed)
    }
    part = compare(start, signed, {**rows, **left})
    return part._replace(findings=(*part.findings, *findings))


def _proved_copy(proven: Proven, copies: list[bytes | None]) -> tuple[Finding | None, bytes | None]:
    """The first copy that is the one that was signed. Anything but the stored one is a finding."""
    for number, copy in enumerate(copies):
        if leads_to(copy, proven.root):
            return (other_tile(proven.tile) if number else None), copy
    place = proven.tile.number * WIDTH
    last = place + WIDTH - 1
    detail = (
        f"the events of places {place} to {last} and the tree over them were changed together"
        f" / peristiwa di tempat {place} sampai {last} diubah bersama pohon di atasnya"
    )
    return Finding(Kind.UNPROVABLE, place, None, detail), None


def _of_rows(start: int, rows: Mapping[int, Row]) -> bytes | None:
    found = [rows.get(place) for place in range(start, start + WIDTH)]
    return None if None in found else b"".join(row.hash for row in found if row is not None)


async def _rows(conn: AsyncConnection, shelf: Shelf, start: int, end: int) -> tuple[dict[int, Row], dict[int, Row]]:
    """Rows with their leaf, and those whose leaf left the database for a cold month that is there, with the leaf that it has."""
    asked = sa.select(archive).where(archive.c.place >= start, archive.c.place < end)
    rows = (await conn.execute(asked)).mappings().all()
    people = await _people(conn, start, end)
    gone = [row for row in rows if row["leaf"] is None]
    covered = shelf.covered(start, end) if gone else set()
    filled = await with_leaves(shelf, [row for row in gone if row["place"] in covered])
    own, left = [
        {row["place"]: row_of(row, people.get(row["place"], frozenset())) for row in some}
        for some in ([row for row in rows if row["leaf"] is not None], filled)
    ]
    return own, left


async def _people(conn: AsyncConnection, start: int, end: int) -> dict[int, frozenset[tuple[UUID, datetime]]]:
    """Place → what stands of it in `shown`."""
    found: dict[int, set[tuple[UUID, datetime]]] = {}
    for row in await conn.execute(sa.select(shown).where(shown.c.place >= start, shown.c.place < end)):
        found.setdefault(row.place, set()).add((row.participant_id, row.recorded_at))
    return {place: frozenset(people) for place, people in found.items()}


def row_of(row: Any, people: frozenset[tuple[UUID, datetime]] | None) -> Row:
    """What stands in a row of `archive`, and in those of `shown` that have its place; None: not asked."""
    raw = bytes(row["leaf"] or b"")
    try:
        wanted = entry_of_leaf(raw)
    except (BadLeaf, BadEnvelope):
        wanted = {}  # its hash says the rest
    misfiled = tuple(name for name, value in wanted.items() if row[name] != value)
    if (
        wanted
        and people is not None
        and people != (shown_of_leaf(raw) if str(wanted["stream"]).startswith(READS) else frozenset())
    ):
        misfiled = (*misfiled, shown.name)
    return Row(leaf_hash(raw), str(row["event_id"]), misfiled)
