"""One import seen from outside: uploaded by an officer, followed in the database until every row has its result."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from chassis.ids import new_id
from tests.bench.rounds import NoResult
from tests.bench.servers import Database, admin
from tests.bench.service_process import ServiceProcess

POLL_S = 0.005
PATIENCE_S = 600.0


@dataclass
class Imported:
    """How one import went, as seen from outside. `lines`: (seconds since upload began, line) whenever the position moved."""

    import_id: UUID
    seconds: float
    lines: list[tuple[float, int]]
    accepted: int
    refused: int

    @property
    def chunks_ms(self) -> list[float]:
        """Times between moves of the position."""
        times = [at for at, _ in self.lines]
        return [1_000 * (later - earlier) for earlier, later in pairwise(times)]


class Door:
    """An officer at one process."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {token}"}

    async def upload(self, content: bytes, media_type: str) -> UUID:
        headers = {**self._headers, "Content-Type": media_type, "Idempotency-Key": str(new_id())}
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            answer = await client.post(f"{self._url}/imports", content=content, headers=headers)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise NoResult(f"B10: the upload was answered {answer.status_code}: {answer.text[:300]}")
        return UUID(answer.json()["import_id"])

    async def result_file(self, import_id: UUID, rows: int) -> float:
        """Seconds to read the whole result file. Raises NoResult when it has not one line per row."""
        headers, began = {**self._headers, "Accept": "text/csv"}, time.perf_counter()
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_S) as client:
            answer = await client.get(f"{self._url}/imports/{import_id}/results", headers=headers)
        if (lines := answer.text.count("\r\n")) != rows + 1:
            raise NoResult(f"B10: the result file has {lines} lines for {rows} rows")
        return time.perf_counter() - began


async def _standing(connection: asyncpg.Connection[asyncpg.Record], import_id: UUID) -> Any:
    query = "SELECT status, line, accepted, refused, fault FROM imports WHERE import_id = $1"
    return await connection.fetchrow(query, import_id)


def _fail_if_stuck(process: ServiceProcess, row: Any, seconds: float) -> None:
    process.fail_if_ended()
    if row["status"] == "REFUSED":
        raise NoResult(f"B10: the file was refused as a whole: {row['fault']}")
    if seconds > PATIENCE_S:
        raise TimeoutError(f"at line {row['line']} after {PATIENCE_S} s")


async def finished(process: ServiceProcess, database: Database, import_id: UUID, began: float) -> Imported:
    """Until it is DONE, seen from the database."""
    lines: list[tuple[float, int]] = []
    async with admin(database.reader_url) as connection:
        first = (await _standing(connection, import_id))["line"]
        while True:
            row, now = await _standing(connection, import_id), time.perf_counter() - began
            if row["line"] != (lines[-1][1] if lines else first):
                lines.append((now, row["line"]))
            if row["status"] == "DONE":
                return Imported(import_id, now, lines or [(now, row["line"])], row["accepted"], row["refused"])
            _fail_if_stuck(process, row, now)
            await asyncio.sleep(POLL_S)


async def reached(process: ServiceProcess, database: Database, import_id: UUID, line: int) -> int:
    """Until the position has reached this line; where it then is."""
    began = time.perf_counter()
    async with admin(database.reader_url) as connection:
        while True:
            row = await _standing(connection, import_id)
            if row["line"] >= line:
                return int(row["line"])
            _fail_if_stuck(process, row, time.perf_counter() - began)
            await asyncio.sleep(POLL_S)
