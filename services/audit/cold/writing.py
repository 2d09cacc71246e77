"""Writes a closed month out of the archive: into a folder beside its own, read back and verified there, and then given its name.

So a month is there whole or not at all, and what is on the disk is what was signed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import faults
from chassis.database import steady
from contracts.values import ContributionMonth
from services.audit.cold.columns import TYPES, line_of
from services.audit.cold.engine import opened
from services.audit.cold.judging import judge_month
from services.audit.cold.shelf import Cold
from services.audit.domain import manifests
from services.audit.domain.manifests import BadManifest, Manifest, Part
from services.audit.domain.merkle import Span, aligned, leaf_hash, nodes_of, perfect_root
from services.audit.domain.notes import NoteKey
from services.audit.domain.tiles import HEIGHT, WIDTH, hashes_from
from services.audit.domain.verifying import Finding
from services.audit.queries.months import Empty, NotClosed, checkpoint_at, span_of
from services.audit.queries.tree import held_tiles, needed
from services.audit.tables import archive

PART_LEAVES = 65_536
"""Of one file, which begins at a multiple of it; a multiple of 256, so no subtree of the manifest is in two files."""
GROUP_ROWS = 8_192
"""Of a row group: what a reader that looks for one event unpacks."""
_PAGE = 1_024

Tell = Callable[[int, int], None]
"""Events written, and how many there are."""


class NotWritten(Exception):
    """The month cannot be written; one sentence. Nothing was left behind."""


async def write(
    engine: AsyncEngine,
    key: NoteKey,
    month: ContributionMonth,
    shelf: Path,
    *,
    now: datetime,
    tell: Tell = lambda done, of: None,
) -> tuple[Manifest, bool]:
    """The month as it lies there, and whether it was written now. Raises NotWritten, OSError, the database's errors."""
    if now < month.ends_at:
        raise NotWritten(f"{month} is not over")
    async with engine.connect() as picture:
        await steady(picture)
        try:
            span = await span_of(picture, key.name, month)
        except (NotClosed, Empty) as error:
            raise NotWritten(str(error)) from None
        if (cold := Cold(shelf / str(month))).folder.exists():
            return _there(cold, key, span), False
        draft = shelf / f".{month}.writing"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        try:
            made = await _written(picture, key, month, span, draft, tell)
            _must_be_verified(judge_month(Cold(draft), key, month=str(month)).findings)
            faults.point("A7")
            draft.rename(cold.folder)
            faults.point("A8")
            _durable(shelf)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return made, True


def _there(cold: Cold, key: NoteKey, span: Span) -> Manifest:
    try:
        found = cold.manifest()
    except (BadManifest, OSError) as error:
        raise NotWritten(f"{cold.folder} is there and is no cold month: {error}") from None
    if (found.log, found.start, found.end) != (key.name, *span):
        raise NotWritten(f"{cold.folder} holds other leaves than {span.start} to {span.end - 1} of {key.name}")
    _must_be_verified(judge_month(cold, key).findings)
    return found


def _must_be_verified(findings: Sequence[Finding]) -> None:
    if findings:
        raise NotWritten(
            f"it is not what was signed ({len(findings)} findings, first: {findings[0].detail}): verify it"
        )


async def _written(
    conn: AsyncConnection, key: NoteKey, month: ContributionMonth, span: Span, draft: Path, tell: Tell
) -> Manifest:
    signed = await checkpoint_at(conn, key.name, span.end)
    parts, hashes = [], []
    for start, end in _parts(span):
        lines = draft / "rows.json"
        with lines.open("w", encoding="utf-8") as out:
            async for row in _rows(conn, start, end):
                out.write(json.dumps(line_of(row), separators=(",", ":")) + "\n")
                hashes.append(leaf_hash(bytes(row["leaf"])))
        file = draft / f"{start:012d}.parquet"
        _convert(lines, file)
        lines.unlink()
        parts.append(part_of(file, start, end))
        faults.point("A6")
        tell(end - span.start, span.end - span.start)
    made = Manifest(
        log=key.name,
        month=month,
        start=span.start,
        end=span.end,
        checkpoint=signed.note,
        before=tuple(await _before(conn, span)),
        nodes=tuple(_nodes(span, hashes)),
        parts=tuple(parts),
    )
    with (draft / manifests.FILE_NAME).open("w", encoding="utf-8") as out:
        out.write(str(made))
    for file in (*draft.iterdir(), draft):
        _durable(file)
    return made


async def _rows(conn: AsyncConnection, start: int, end: int) -> AsyncIterator[Any]:
    """Every row of these places in their order. Raises NotWritten when one is not there."""
    for first in range(start, end, _PAGE):
        last = min(first + _PAGE, end)
        asked = sa.select(archive).where(archive.c.place >= first, archive.c.place < last).order_by(archive.c.place)
        found = (await conn.execute(asked)).mappings().all()
        if [row["place"] for row in found if row["leaf"] is not None] != [*range(first, last)]:
            raise NotWritten(
                f"the archive has not every leaf from {first} to {last - 1}: it was changed, or the month was dropped; verify it"
            )
        for row in found:
            yield row


def _parts(span: Span) -> Iterator[Span]:
    start = span.start
    while start < span.end:
        end = min((start // PART_LEAVES + 1) * PART_LEAVES, span.end)
        yield Span(start, end)
        start = end


def _convert(lines: Path, file: Path) -> None:
    columns = ", ".join(f"'{name}': '{'VARCHAR' if kind == 'BLOB' else kind}'" for name, kind in TYPES.items())
    taken = ", ".join(f"unhex({name}) AS {name}" if kind == "BLOB" else name for name, kind in TYPES.items())
    with contextlib.closing(opened()) as conn:
        read = f"read_json(?, format='newline_delimited', maximum_object_size={1 << 26}, columns={{{columns}}})"
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP_ROWS}"
        try:
            conn.execute(
                f"COPY (SELECT {taken} FROM {read} ORDER BY place) TO '{_quoted(file)}' ({options})", [str(lines)]
            )
        except duckdb.Error as error:
            raise NotWritten(f"DuckDB: {error}") from error


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")


def part_of(file: Path, start: int, end: int) -> Part:
    """What a manifest says of a file."""
    with file.open("rb") as content:
        return Part(file.name, start, end, file.stat().st_size, hashlib.file_digest(content, "sha256").hexdigest())


async def _before(conn: AsyncConnection, span: Span) -> list[bytes]:
    earlier = Span(0, span.start)
    try:
        held = await held_tiles(conn, needed([earlier], span.end))
    except LookupError as error:
        raise NotWritten(f"{error}: verify it") from None
    return [hashes_from(held.__getitem__, span.end)(node) for node in nodes_of(earlier)]


def _nodes(span: Span, hashes: Sequence[bytes]) -> Iterator[bytes]:
    assert PART_LEAVES % WIDTH == 0
    at = 0
    for node in aligned(span, HEIGHT):
        yield perfect_root(hashes[at : at + (1 << node.level)])
        at += 1 << node.level


def _durable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
