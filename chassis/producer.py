"""The producer that relays, republishing and dead letters share: idempotent, acknowledged by every in-sync replica, never transactional."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from chassis import eventlog
from chassis.partitions import partition_of
from contracts.event import Catalogue

ACK_TIMEOUT_S = 10.0
"""Every wait on it is bounded by its user: an idempotent producer waits for ever."""
NOTICES_PARTITIONS_MS = 10_000
"""How soon a producer asks the broker again what its topics look like."""


class PartitionsChanged(RuntimeError):
    """A topic was given another number of partitions: keys would move to other ones and lose their order. The relay stops."""


def as_declared(found: int, declared: int) -> int:
    """Raises PartitionsChanged unless that many partitions were declared, or nothing was (0)."""
    if declared and found != declared:
        raise PartitionsChanged(f"a topic has {found} partitions, declared are {declared}")
    return found


class _Partitioner(DefaultPartitioner):  # type: ignore[misc]
    """The usual choice, and no choice at all among a number of partitions that was never declared."""

    def __init__(self, declared: int) -> None:
        self._declared = declared

    def __call__(self, key: bytes | None, all_partitions: list[int], available: list[int]) -> int:
        count = as_declared(len(all_partitions), self._declared)
        if key is None:
            return int(super().__call__(key, all_partitions, available))
        return all_partitions[partition_of(key, count)]


def make_producer(bootstrap: Sequence[str], *, client_id: str, partitions: int = 0) -> AIOKafkaProducer:
    """An idempotent producer that waits for every in-sync replica; never transactional.

    With `partitions` its `send` raises PartitionsChanged for a topic that has another number.
    """
    return AIOKafkaProducer(
        partitioner=_Partitioner(partitions),
        metadata_max_age_ms=NOTICES_PARTITIONS_MS,
        bootstrap_servers=list(bootstrap),
        client_id=client_id,
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=131_072,
        max_request_size=2 * eventlog.MAX_PAYLOAD_BYTES,
    )


async def send_rows(
    producer: AIOKafkaProducer, found: Sequence[sa.Row[Any]], *, service: str, prefix: str, catalogue: Catalogue
) -> None:
    """Sends rows of the log as they were recorded, in the order given; returns once every one is durable. Raises KafkaError, TimeoutError."""
    async with asyncio.timeout(ACK_TIMEOUT_S):
        acks = [
            await producer.send(
                prefix + catalogue.topics[row.stream],
                key=row.key.encode(),
                value=bytes(row.payload),
                headers=eventlog.envelope_of(row, service).to_headers(),
            )
            for row in found
        ]
        await asyncio.gather(*acks)
