"""`perisai SERVICE republish`: sends events of the log once more, when the broker lost what it had acknowledged.

PostgreSQL is the store, Kafka the carrier. Readers know by seq what they have seen, so a repeat does nothing and only what is missing takes
effect. Running relays may go on meanwhile, and no cursor moves; after the loss of a whole topic they must not run, or their newer events stand first.
"""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import eventlog
from chassis.producer import send_rows
from chassis.relay import WINDOW
from contracts.event import Catalogue

WRITERS_S = 0.05
_NEXT = sa.text("SELECT pg_snapshot_xmax(pg_current_snapshot())")
_ENDED = sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= CAST(:horizon AS xid8)")
# Up to the floor, ids of transactions are those of an earlier server (rebase).
_PAGE = sa.text(
    f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE position > :after"
    " AND (tx_id < CAST(:horizon AS xid8) OR position <= (SELECT COALESCE(max(floor), 0) FROM relay_cursors))"
    " AND (CAST(:stream AS text) IS NULL OR stream = :stream) AND (CAST(:key AS text) IS NULL OR key = :key)"
    " ORDER BY position LIMIT :limit"
)


async def republish(
    engine: AsyncEngine,
    producer: AIOKafkaProducer,
    *,
    service: str,
    prefix: str,
    catalogue: Catalogue,
    stream: str | None = None,
    key: str | None = None,
) -> int:
    """Sends the whole log, one stream or one key in the order of each key; returns how many. Raises KafkaError, TimeoutError.

    Waits for the writers that began before; what comes later is left to the relay, as it lies after every cursor.
    """
    after = sent = 0
    asked = {"stream": stream, "key": key, "limit": WINDOW, "horizon": await _horizon(engine)}
    while True:
        async with engine.connect() as conn:
            page = (await conn.execute(_PAGE, {"after": after, **asked})).all()
        if not page:
            return sent
        await send_rows(producer, page, service=service, prefix=prefix, catalogue=catalogue)
        after, sent = page[-1].position, sent + len(page)


async def _horizon(engine: AsyncEngine) -> int:
    """Below this transaction id every row is there to be seen. Were rows read as they appear, one that commits late would be passed over, and its
    key's next event would stand before it."""
    async with engine.connect() as conn:
        horizon = int((await conn.execute(_NEXT)).scalar_one())
    while True:
        async with engine.connect() as conn:
            if (await conn.execute(_ENDED, {"horizon": horizon})).scalar_one():
                return horizon
        await asyncio.sleep(WRITERS_S)
