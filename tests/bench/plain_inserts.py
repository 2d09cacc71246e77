"""B1's baseline: the two rows of a registration, state and event, as two INSERTs in one transaction and nothing else.

Both tables are copies of the real ones, rows and indexes included; a row has the values of a real one, so its size is the same.
Ids are UUIDv7 as the service makes them: random ones would be dearer for the indexes, and the baseline is no straw man.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from tests.bench import pgbench
from tests.bench.ground import Ground
from tests.bench.rounds import NoResult

STATE, EVENTS = "bench_state", "bench_events"
CLIENTS, THREADS, MANY_CLIENTS = 16, 2, 64
_FRESH_STATE = {
    "participant_id": "uuidv7()",
    # ascending like the real ones, and new among a million: milliseconds, their fraction, chance
    "contribution_code": "(SELECT substr(h, 6, 7) || substr(h, 14, 3) || right(h, 5)"
    " FROM (SELECT replace(uuidv7()::text, '-', '') AS h) AS fresh)",
    "nik_hash": "md5(random()::text) || md5(random()::text)",
    "kpj": "NULL",
}
_FRESH_EVENT = {
    "event_id": "uuidv7()",
    "key": "uuidv7()::text",
    "correlation_id": "uuidv7()",
    "bucket": "(random() * 15)::int",
    "recorded_at": "clock_timestamp()",
}
_SERVERS_OWN = ("position", "tx_id")


class Inserts:
    """The tables and the script; `write` makes them anew."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._url = ground.stack.databases.url("registration", "owner")
        self._script = folder / "two_inserts.sql"

    async def write(self) -> None:
        """Copies of the real tables with all their rows, and the script with the values of the newest registration."""
        connection = await asyncpg.connect(self._url)
        try:
            for copy, table in ((STATE, "participants"), (EVENTS, "event_log")):
                await connection.execute(f"DROP TABLE IF EXISTS {copy}")
                await connection.execute(f"CREATE TABLE {copy} (LIKE {table} INCLUDING ALL)")
                await connection.execute(f"INSERT INTO {copy} OVERRIDING SYSTEM VALUE SELECT * FROM {table}")
            await self._restart_positions(connection)
            state = await connection.fetchrow("SELECT * FROM participants ORDER BY participant_id DESC LIMIT 1")
            event = await connection.fetchrow(
                "SELECT * FROM event_log WHERE type = 'ParticipantRegistered' ORDER BY position DESC LIMIT 1"
            )
            assert state is not None and event is not None, "the ground has people"
            statements = [
                "BEGIN;",
                await _insert(connection, STATE, dict(state), _FRESH_STATE),
                await _insert(connection, EVENTS, dict(event), _FRESH_EVENT),
                "COMMIT;",
            ]
            self._script.write_text("\n".join(statements) + "\n", encoding="utf-8")
        finally:
            await connection.close()

    async def _restart_positions(self, connection: Any) -> None:
        last = await connection.fetchval(f"SELECT max(position) FROM {EVENTS}")
        await connection.execute(f"ALTER TABLE {EVENTS} ALTER COLUMN position RESTART WITH {last + 1}")

    async def per_second(self, seconds: float, *, clients: int = CLIENTS) -> tuple[float, int]:
        """(transactions per second, transactions). Raises NoResult when rows and transactions disagree or one failed."""
        before = await self._rows()
        tps, done, failed = await pgbench.run(
            self._url, self._script, clients=clients, threads=THREADS, seconds=seconds
        )
        written = await self._rows() - before
        if failed or written != 2 * done:
            raise NoResult(f"baseline: {done} transactions, {failed} failed, {written} rows")
        return tps, done

    async def _rows(self) -> int:
        connection = await asyncpg.connect(self._url)
        try:
            return int(
                await connection.fetchval(f"SELECT (SELECT count(*) FROM {STATE}) + (SELECT count(*) FROM {EVENTS})")
            )
        finally:
            await connection.close()

    async def drop(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(f"DROP TABLE IF EXISTS {STATE}, {EVENTS}")
        finally:
            await connection.close()


async def _insert(connection: Any, table: str, row: Mapping[str, Any], fresh: Mapping[str, str]) -> str:
    """An INSERT in one line with the row's own values as literals, the fresh ones as expressions."""
    columns = [name for name in row if name not in _SERVERS_OWN]
    values = [fresh.get(name) or await _literal(connection, table, name, row[name]) for name in columns]
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(values)});"


async def _literal(connection: Any, table: str, column: str, value: Any) -> str:
    """As PostgreSQL would write it; a colon is kept from pgbench, which takes it for a variable."""
    kind = await connection.fetchval(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2",
        table,
        column,
    )
    if isinstance(value, bytes):
        return f"decode('{value.hex()}', 'hex')"
    text: str = await connection.fetchval(f"SELECT quote_nullable($1::{kind})", value)
    return "NULL" if text == "NULL" else f"CAST({without_colons(text)} AS {kind})"


def without_colons(literal: str) -> str:
    """pgbench replaces `:name` even inside a literal, so a colon becomes a Unicode escape. Backslashes are doubled in it already."""
    return "U&" + literal.removeprefix("E").replace(":", "\\003a") if ":" in literal else literal
