"""All that is searched for personal data in clear, piece by piece: topics, files, metrics, and every column that is not declared personal."""

from __future__ import annotations

import glob
import io
import os
import re
import tomllib
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.faults.checker.facts import CannotCheck
from tests.faults.checker.leaves import leaf_of
from tests.faults.checker.records import Record
from tests.faults.checker.world import World

DECLARED: Mapping[str, Any] = tomllib.loads(Path(__file__).with_name("declared.toml").read_text(encoding="utf-8"))
COLUMNS: Mapping[tuple[str, str], Mapping[str, Any]] = {(c["service"], c["table"]): c for c in DECLARED["column"]}
FILES: Mapping[tuple[str, str], str] = {(f["service"], f["table"]): f["column"] for f in DECLARED["file"]}
_BYTES_BY_OTHER_WAYS = {("event_log", "payload"), ("parked_events", "value"), ("archive", "leaf")}
"""Searched as the bytes they are."""
_SHAPE = (
    "SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns,"
    " array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.atttypid = 'bytea'::regtype) AS binary,"
    " (SELECT array_agg(k.attname::text ORDER BY array_position(i.indkey::int2[], k.attnum)) FROM pg_index i"
    "  JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary)"
    " AS row FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.oid, c.relname ORDER BY c.relname"
)
_BOX = re.compile(rb'"box":"[A-Za-z0-9+/=]*"')
SAMPLED = re.compile(rb" [0-9.e+-]+$", re.MULTILINE)
"""What a metric measured. No number stands in it as it is written elsewhere (8.1e+10), and among thousands of 17 random digits some are a phone's."""
ARCHIVE = "audit"
CHUNK = 16 << 20
SMALL = 1 << 20
"""Larger pieces are searched for digests in text only."""


@dataclass(frozen=True, slots=True)
class Piece:
    """`parts`: (name, bytes) to tell exactly where, asked for only when something was found. `things`: how many there are in it.
    `raw`: bytes whose records were searched in every dress already.
    """

    where: str
    data: bytes
    things: int
    parts: Sequence[tuple[str, bytes]] = ()
    raw: bool = False


async def shape(world: World, service: str) -> list[Any]:
    """Every table: name, columns, those of them that hold bytes, and the columns of its primary key."""
    return await world.query(service, _SHAPE)


async def pieces(world: World, overlap: int) -> AsyncIterator[Piece]:
    """Everything; files in chunks that overlap by so many bytes."""
    logged = {event.payload for service in world.facts.services for event in await world.log(service)}
    own = [record for record in await world.records() if record.place not in world.planted.places]
    for piece in topics(own, logged):
        yield piece
    for service in world.facts.services:
        async for piece in columns(world, service):
            yield piece
        yield await payloads(world, service)
    if ARCHIVE in world.facts.services:
        yield await leaves(world)
    async for piece in metrics(world):
        yield piece
    read, spoilt = {record.topic for record in own}, {topic for topic, _, _ in world.planted.places}
    for piece in files(world.facts.files, overlap, read, spoilt):
        yield piece


def topics(records: Sequence[Record], logged: Collection[bytes] = ()) -> Iterator[Piece]:
    """Keys, values and headers, raw. `logged`: payloads whose boxes the second pass opens; they are left out here, for they are most of the bytes."""
    for topic in sorted({record.topic for record in records}):
        parts = [(f"[{r.partition}]@{r.offset}", _raw(r, logged)) for r in records if r.topic == topic]
        yield Piece(f"topic {topic}", b"\n".join(raw for _, raw in parts), len(parts), parts)


def _raw(record: Record, logged: Collection[bytes]) -> bytes:
    headers = (b"%b %b" % (name.encode(), value or b"") for name, value in record.headers)
    value = record.value or b""
    return b"\n".join((record.key or b"", *headers, _BOX.sub(b"", value) if value in logged else value))


async def columns(world: World, service: str) -> AsyncIterator[Piece]:
    """Each table as COPY gives it (bytes in hex), without the columns that are declared personal."""
    connection = await asyncpg.connect(world.facts.databases[service], timeout=30)
    try:
        for table in await shape(world, service):
            name, left = table["name"], _searched(service, table)
            data = await _copied(connection, name, left)
            parts = [(f".{column}", b"") for column in left]
            yield Piece(f"{service}.{name}", data, len(left), parts)
    except (OSError, asyncpg.PostgresError) as error:
        raise CannotCheck(f"{service}: {type(error).__name__}: {error}") from error
    finally:
        await connection.close()


def _searched(service: str, table: Any) -> list[str]:
    name = table["name"]
    declared = {*COLUMNS.get((service, name), {}).get("columns", ()), FILES.get((service, name), "")}
    return [c for c in table["columns"] if c not in declared and (name, c) not in _BYTES_BY_OTHER_WAYS]


async def _copied(connection: Any, table: str, names: Sequence[str]) -> bytes:
    if not names:
        return b""
    buffer = io.BytesIO()
    listed = ", ".join(f'"{name}"' for name in names)
    await connection.copy_from_query(f'SELECT {listed} FROM public."{table}"', output=buffer)
    return buffer.getvalue()


async def column(world: World, service: str, table: str, name: str) -> bytes:
    """One column alone, to name it."""
    connection = await asyncpg.connect(world.facts.databases[service], timeout=30)
    try:
        return await _copied(connection, table, [name])
    finally:
        await connection.close()


async def payloads(world: World, service: str) -> Piece:
    """Payloads of the log and parked values, as far as they are not just what the topics hold."""
    on_topics = {record.value for record in await world.records()}
    log = [(f" {event.event_id}", event.payload) for event in await world.log(service)]
    kept = [(f" parked {row['event_id']}", bytes(row["value"])) for row in await world.rows(service, "parked_events")]
    parts = [(name, value) for name, value in (*log, *kept) if value not in on_topics]
    return Piece(f"{service}.event_log.payload", b"\n".join(value for _, value in parts), len(log) + len(kept), parts)


async def leaves(world: World) -> Piece:
    """Leaves of the archive, as far as they are not just what the topics hold."""
    on_topics = {leaf_of(record, world.facts.prefix) for record in await world.records()}
    rows = await world.rows(ARCHIVE, "archive")
    parts = [(f" leaf {row['place']}", leaf) for row in rows if (leaf := bytes(row["leaf"])) not in on_topics]
    return Piece("audit.archive.leaf", b"\n".join(leaf for _, leaf in parts), len(rows), parts)


async def metrics(world: World) -> AsyncIterator[Piece]:
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        for url in world.facts.metrics_urls:
            try:
                answer = (await client.get(url)).raise_for_status()
            except httpx.HTTPError as error:
                raise CannotCheck(f"metrics: {type(error).__name__}") from error
            yield Piece(f"metrics of {httpx.URL(url).netloc.decode()}", SAMPLED.sub(b"", answer.content), 1)


def files(
    patterns: Sequence[str], overlap: int, read: Collection[str] = (), spoilt: Collection[str] = ()
) -> Iterator[Piece]:
    """What the globs name; holes of sparse files are passed over. `read`: topics whose records were searched as records.
    `spoilt`: those of them into which a cell put records of its own, which may hold anything.
    """
    for path in sorted({found for pattern in patterns for found in glob.glob(pattern, recursive=True)}):
        if os.path.isfile(path):
            for number, chunk in enumerate(_chunks(path, overlap)):
                topic, _, partition = os.path.basename(os.path.dirname(path)).rpartition("-")
                raw = topic in read and partition.isdecimal()
                if raw and topic in spoilt:
                    continue
                yield Piece(f"file {os.path.basename(path)}", chunk, int(number == 0), raw=raw)


def _chunks(path: str, overlap: int) -> Iterator[bytes]:
    try:
        with open(path, "rb", buffering=0) as file:
            size, at = os.fstat(file.fileno()).st_size, 0
            while (at := _next_data(file.fileno(), at, size)) < size:
                chunk = os.pread(file.fileno(), CHUNK + overlap, at)
                yield chunk
                at += CHUNK
    except FileNotFoundError:
        return  # a segment that was rolled or a log that was removed meanwhile


def _next_data(descriptor: int, at: int, size: int) -> int:
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA) if at < size else size
    except OSError:
        return size  # nothing but a hole up to the end
