"""Old databases: a database at an earlier version, with the log and the rows of a harness laid into it, is migrated on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis.database import async_url
from chassis.migrate import upgrade_chassis, upgrade_service
from tests.support.service import Harness
from tests.support.stack import Stack

Rows = list[dict[str, Any]]


async def rows_of(conn: AsyncConnection, table: str, columns: str = "*", order: str = "1, 2") -> Rows:
    found = await conn.exec_driver_sql(f"SELECT {columns} FROM {table} ORDER BY {order}")
    return [dict(row) for row in found.mappings()]


async def _lay(conn: AsyncConnection, table: str, rows: str) -> None:
    """Rows told as JSON, with the columns that the table has in this version."""
    await conn.execute(
        sa.text(
            f"INSERT INTO {table} OVERRIDING SYSTEM VALUE"
            f" SELECT * FROM jsonb_populate_recordset(NULL::{table}, CAST(:rows AS jsonb))"
        ),
        {"rows": rows},
    )


@asynccontextmanager
async def migrated(
    h: Harness, stack: Stack, *, before: str, tables: Sequence[str], as_it_was: Sequence[str] = ()
) -> AsyncIterator[AsyncConnection]:
    """A database that stood at version `before` with the log of `h` and these tables, and was migrated on.

    `as_it_was`: statements that give the old rows what that version wrote differently.
    """
    async with stack.empty_database() as url:
        engine = create_async_engine(async_url(url))
        try:
            async with engine.begin() as old, h.app.read() as played:
                await old.run_sync(upgrade_chassis)
                await old.run_sync(lambda conn: upgrade_service(conn, h.service.name, to=before))
                for table in ("event_log", *tables):
                    told = f"SELECT coalesce(jsonb_agg(to_jsonb(t)), '[]')::text FROM {table} t"
                    await _lay(old, table, (await played.exec_driver_sql(told)).scalar_one())
                for statement in as_it_was:
                    await old.exec_driver_sql(statement)
            async with engine.begin() as old:
                await old.run_sync(lambda conn: upgrade_service(conn, h.service.name))
            async with engine.connect() as old:
                yield old
        finally:
            await engine.dispose()
