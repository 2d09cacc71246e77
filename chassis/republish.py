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
from chassis.producer import ACK_TIMEOUT_S
from chassis.relay import WINDOW
from contracts.event import Catalogue

_PAGE = sa.text(
    f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE position > :after"
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
    """Sends the whole log, one stream or one key in the order of each key; returns how many. Raises KafkaError, TimeoutError."""
    after = sent = 0
    while True:
        async with engine.connect() as conn:
            page = (await conn.execute(_PAGE, {"after": after, "stream": stream, "key": key, "limit": WINDOW})).all()
        if not page:
            return sent
        async with asyncio.timeout(ACK_TIMEOUT_S):  # an idempotent producer waits for ever
            acks = [
                await producer.send(
                    prefix + catalogue.topics[row.stream],
                    key=row.key.encode(),
                    value=bytes(row.payload),
                    headers=eventlog.envelope_of(row, service).to_headers(),
                )
                for row in page
            ]
            await asyncio.gather(*acks)
        after, sent = page[-1].position, sent + len(page)
