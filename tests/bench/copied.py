"""The baseline of imports: COPY of the very rows that an import left behind, into empty copies of the same tables, indexes and all.

The rows are taken once, as the bytes that COPY itself writes, in parts of 1,000 import rows; what puts them back does nothing else.
"""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from chassis.tables import event_log
from services.registration.tables import import_results, participants, people

PART = 1_000
_OF = "import_results r WHERE r.import_id = $1 AND r.line > $2 AND r.line <= $3"
_KEYS = f"(SELECT r.participant_id FROM {_OF} AND r.outcome = 'accepted')"
EVENT_COLUMNS = [c.name for c in event_log.columns if c.name not in ("position", "tx_id")]
"""All but what the table gives by itself: position and transaction."""
TABLES: dict[str, tuple[list[str], str]] = {
    "event_log": (EVENT_COLUMNS, f"t.stream = 'participants' AND t.key IN (SELECT id::text FROM {_KEYS} AS k(id))"),
    "participants": ([c.name for c in participants.columns], f"t.participant_id IN {_KEYS}"),
    "people": ([c.name for c in people.columns], f"t.participant_id IN {_KEYS}"),
    "person_keys": (["subject", "wrapped"], f"t.subject IN {_KEYS}"),
    "import_results": ([c.name for c in import_results.columns], "t.import_id = $1 AND t.line > $2 AND t.line <= $3"),
}
"""Table → its columns, and which of its rows (t) an import left behind for some lines."""

Part = dict[str, bytes]
"""Table → rows in COPY's binary form."""


@dataclass(frozen=True)
class Copied:
    seconds: float
    warmup_s: float


async def taken(database_url: str, import_id: UUID, last_line: int) -> list[Part]:
    """What an import left behind, part by part."""
    connection = await asyncpg.connect(database_url)
    try:
        return [await _part(connection, import_id, start, start + PART) for start in range(1, last_line, PART)]
    finally:
        await connection.close()


async def put(database_url: str, warmup: Sequence[Part], parts: Sequence[Part]) -> Copied:
    """Writes the parts, one commit each; `warmup` before the clock runs."""
    connection = await asyncpg.connect(database_url)
    try:
        began = time.perf_counter()
        await _put(connection, warmup)
        warm = time.perf_counter()
        await _put(connection, parts)
        return Copied(time.perf_counter() - warm, warm - began)
    finally:
        await connection.close()


async def _part(connection: asyncpg.Connection[asyncpg.Record], import_id: UUID, after: int, through: int) -> Part:
    found: Part = {}
    for table, (columns, which) in TABLES.items():
        rows = io.BytesIO()
        query = f"SELECT {_names(columns, 't.')} FROM {table} t WHERE {which}"
        await connection.copy_from_query(query, import_id, after, through, output=rows, format="binary")
        found[table] = rows.getvalue()
    return found


async def _put(connection: asyncpg.Connection[asyncpg.Record], parts: Sequence[Part]) -> None:
    for part in parts:
        async with connection.transaction():
            for table, rows in part.items():
                columns = TABLES[table][0]
                await connection.copy_to_table(table, source=_at_once(rows), columns=columns, format="binary")


async def _at_once(rows: bytes) -> AsyncIterator[bytes]:
    """For asyncpg, which would read a file through a thread."""
    yield rows


def _names(columns: Sequence[str], before: str) -> str:
    return ", ".join(f'{before}"{name}"' for name in columns)
