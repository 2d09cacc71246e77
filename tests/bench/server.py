"""The PostgreSQL server under a benchmark: refused when it is easier than production, counted while it works.

`fsync`, `full_page_writes` and `synchronous_commit` are on and the data lies on a disk, or nothing is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local.trouble import Trouble
from tests.bench import host

MUST_BE_ON = ("fsync", "full_page_writes", "synchronous_commit", "track_commit_timestamp")
_QUIET = ("client", "override", "session", "environment variable")
_UNTOLD = ("data_directory", "config_file", "hba_file", "ident_file", "port", "listen_addresses", "TimeZone")


@dataclass(frozen=True)
class Counts:
    """Since the server began; or, as a difference, in between."""

    commits: int
    wal_bytes: int
    fsyncs: int

    def __sub__(self, earlier: Counts) -> Counts:
        return Counts(self.commits - earlier.commits, self.wal_bytes - earlier.wal_bytes, self.fsyncs - earlier.fsyncs)


async def refuse_easier(admin_url: str) -> None:
    """Raises Trouble when the server would make durability cheaper than it is."""
    connection = await asyncpg.connect(admin_url)
    try:
        for name in MUST_BE_ON:
            found = await connection.fetchval("SELECT current_setting($1)", name)
            if found != "on":
                raise Trouble(f"PostgreSQL's {name} is {found}: a benchmark measures nothing unless it is on.")
        folder = Path(await connection.fetchval("SELECT current_setting('data_directory')"))
        refuse_memory(host.filesystem(folder), folder)
    finally:
        await connection.close()


def refuse_memory(filesystem: str, folder: Path) -> None:
    """Raises Trouble for a data folder that is no disk."""
    if filesystem in host.IN_MEMORY:
        raise Trouble(f"{folder} lies on {filesystem}: data in memory costs nothing to make durable; use a disk.")


async def facts(admin_url: str) -> dict[str, Any]:
    """`stack.postgres` of the report."""
    connection = await asyncpg.connect(admin_url)
    try:
        changed = await connection.fetch(
            "SELECT name, current_setting(name) AS value FROM pg_settings"
            " WHERE source <> 'default' AND source <> ALL($1::text[]) AND name <> ALL($2::text[]) ORDER BY name",
            _QUIET,
            _UNTOLD,
        )
        shown = {name: await connection.fetchval("SELECT current_setting($1)", name) for name in MUST_BE_ON[:3]}
        version = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return {"version": version.split()[0], **shown, "changed_settings": {row["name"]: row["value"] for row in changed}}


async def counts(admin_url: str) -> Counts:
    """Commits, WAL bytes and WAL fsyncs of the whole server. Sessions report about once a second, so short spans are rough."""
    connection = await asyncpg.connect(admin_url)
    try:
        row = await connection.fetchrow(
            "SELECT (SELECT sum(xact_commit)::bigint FROM pg_stat_database) AS commits,"
            " pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS wal,"
            " (SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal') AS fsyncs"
        )
    finally:
        await connection.close()
    return Counts(row["commits"], row["wal"], row["fsyncs"])


async def tidy(admin_url: str, databases: Sequence[str]) -> None:
    """VACUUM ANALYZE of every service's database, then a checkpoint: every side begins on the same ground."""
    for database in databases:
        connection = await asyncpg.connect(admin_url, database=database)
        try:
            await connection.execute("VACUUM (ANALYZE)")
        finally:
            await connection.close()
    connection = await asyncpg.connect(admin_url)
    try:
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
