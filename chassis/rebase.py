"""`perisai relay rebase`: makes a relay usable after its database was restored into another PostgreSQL server.

There, transaction ids start low again, so the old cursors would read nothing and say nothing. With the writers stopped, every row that may be
unpublished is sent, each key in seq order (repeats are harmless), a floor is set, and from then on only positions above it are read.
What writers added between the restore and this step has low ids, but positions above all that the cursors have passed.
"""

from __future__ import annotations

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import eventlog
from chassis.producer import send_rows
from chassis.relay import WINDOW
from contracts.event import Catalogue

_UNPUBLISHED = sa.text(
    f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM relay_cursors c JOIN ("
    f"  SELECT bucket, position, tx_id, {eventlog.ENVELOPE_COLUMNS} FROM event_log) e"
    " ON e.bucket = c.bucket AND e.position > c.floor"
    " AND ((e.tx_id, e.position) > (c.tx_id, c.position) OR e.position > c.position)"
    " ORDER BY stream, key, seq"
)
_REBASE = sa.text(
    "UPDATE relay_cursors SET tx_id = '0'::xid8, position = 0, floor = COALESCE((SELECT max(position) FROM event_log), 0),"
    " system_identifier = (SELECT system_identifier FROM pg_control_system()),"
    " lease_token = NULL, lease_holder = NULL, lease_until = NULL"
)


_CONNECTED = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
)


class WritersRunning(RuntimeError):
    """A row that is written while the floor is set could lie below it and would never be sent."""


async def assert_writers_stopped(engine: AsyncEngine) -> None:
    """Raises WritersRunning while anybody else is connected under the service's role. Needs an engine with nothing else in hand."""
    async with engine.connect() as conn:
        found = (await conn.execute(_CONNECTED)).scalar_one()
    if found:
        raise WritersRunning(f"{found} connections of its processes are open; stop them first, nothing was sent")


async def rebase(
    engine: AsyncEngine, producer: AIOKafkaProducer, *, service: str, prefix: str, catalogue: Catalogue
) -> int:
    """Sends what may be unpublished and sets the floor; returns the rows sent. The service's writers must be stopped.

    Raises KafkaError or TimeoutError with nothing changed: then run it again.
    """
    sent = 0
    async with engine.begin() as conn:  # lint: commit — an operator's step on plumbing, no decision
        await conn.execute(sa.text("SET LOCAL transaction_timeout = 0"))  # no relay waits for it: none is running
        rows = await conn.stream(_UNPUBLISHED)
        async for part in rows.partitions(WINDOW):
            await send_rows(producer, part, service=service, prefix=prefix, catalogue=catalogue)
            sent += len(part)
        await conn.execute(_REBASE)
    return sent
