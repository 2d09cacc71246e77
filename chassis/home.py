"""Where the database of a service stood when it was last served: server, timeline, database, table. Elsewhere means restored (or failed over)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa

from chassis import rows
from chassis.database import Unavailable
from chassis.service import App
from chassis.tables import home

_LOCK = 7_215_003  # one process of a service looks, the others wait for it
_HERE = sa.text(
    "SELECT concat_ws('/', s.system_identifier, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), d.oid, 'event_log'::regclass::oid)"
    " FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()"
)


async def stands(app: App) -> bool:
    """Whether it stands where it was last served, or is served for the first time, which is noted."""
    async with app.read() as conn:
        here = (await conn.execute(_HERE)).scalar_one()
        known = (await conn.execute(sa.select(home.c.place))).scalar()
    if known is None:
        async with app.engine.begin() as conn:  # lint: commit — plumbing
            await rows.keep(conn, home, [{"id": 1, "place": here}])
    return known in (None, here)


@asynccontextmanager
async def alone(app: App) -> AsyncIterator[None]:
    """Of several processes one at a time; the others come back. Raises Unavailable."""
    async with app.engine.connect() as plain:
        conn = await plain.execution_options(isolation_level="AUTOCOMMIT")
        if not (await conn.execute(sa.text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK})).scalar_one():
            raise Unavailable("another process of this service looks for erasures")
        try:
            yield
        finally:
            await conn.execute(sa.text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})


async def settle(app: App) -> None:
    """From now on this is where it stands."""
    async with app.engine.begin() as conn:  # lint: commit — plumbing
        here = (await conn.execute(_HERE)).scalar_one()
        await rows.upsert(conn, home, [{"id": 1, "place": here}])
