"""Reads a topic to the end it has now, outside any group: nothing is committed, nobody is rebalanced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.records import Coordinates, Record

PATIENCE_S = 10.0


async def read_topic(bootstrap: Sequence[str], topic: str, *, since: datetime | None = None) -> AsyncIterator[Record]:
    """Every record, partition by partition in order; `since`: only what was written from then on, by the records' own times. Raises KafkaError,
    or TimeoutError when the broker does not answer.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=list(bootstrap), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            await consumer.start()
            await consumer._client.add_topic(topic)
            partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            await _seek(consumer, partitions, ends, since)
        left = {p for p in partitions if ends[p] > await consumer.position(p)}
        while left:
            async with asyncio.timeout(PATIENCE_S):
                found = await consumer.getmany(*left, timeout_ms=500)
            for partition, records in found.items():
                for raw in records:
                    if raw.offset < ends[partition]:
                        at = Coordinates(raw.topic, raw.partition, raw.offset)
                        yield Record(at, raw.key, raw.value, tuple(raw.headers))
            left = {p for p in left if ends[p] > await consumer.position(p)}
    finally:
        await consumer.stop()


async def _seek(
    consumer: AIOKafkaConsumer,
    partitions: Sequence[TopicPartition],
    ends: Mapping[TopicPartition, int],
    since: datetime | None,
) -> None:
    if since is None:
        await consumer.seek_to_beginning(*partitions)
        return
    wanted = int(since.timestamp() * 1_000)
    found = await consumer.offsets_for_times(dict.fromkeys(partitions, wanted))
    for partition in partitions:
        at = found.get(partition)
        consumer.seek(partition, ends[partition] if at is None else at.offset)
