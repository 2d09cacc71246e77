"""A consumer on its topic: the FastStream subscriber with the settings that lose nothing, offsets committed by hand, lag, and the stop of a fuse."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from chassis import faults, records
from chassis.fuse import FuseBlown
from chassis.lanes import MAX_RECORDS
from chassis.reader import LONGEST_WAIT_S, Reader
from chassis.records import Record
from chassis.telemetry import log, metrics

BATCH_TIMEOUT_MS = 200
FETCH_BYTES, FETCH_WAIT_MS = 64 * 1024, 100
"""A fetch waits at the broker for so many bytes, so long at most: a transaction costs nearly the same for one record as for thirty."""
MANY = 100
"""Records of a poll that leaves no time to rest."""
REST, LONGEST_REST_S = 2.0, 0.25
"""A rest is so many times as long as the batch took, so long at most (decision 071)."""
MEASURE_TIMEOUT_S = 5.0
REBALANCE_TIMEOUT_MS = 60_000
"""Above a reader's PATIENCE_S: a rebalance waits for the batch in hand."""


def group_of(prefix: str, service: str, topic: str) -> str:
    """The consumer group of one subscription. One per topic: members of one topic never stop the readers of another to rebalance."""
    return f"{prefix}{service}.{topic}"


class _WaitForBatch(ConsumerRebalanceListener):  # type: ignore[misc]
    """A rebalance waits for the batch in hand, so no batch is handled by two members at once."""

    def __init__(self, consumer: Reader) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._consumer.draining.set()
        async with self._consumer.busy:
            if not self._consumer.ending:
                self._consumer.draining.clear()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        return None


class _SettledByHandler(KafkaAckableMessage):
    """The handler commits exact offsets itself; FastStream's bare commit would be a second one per batch."""

    async def ack(self) -> None:
        return None


def subscribe(broker: KafkaBroker, consumer: Reader, *, prefix: str, instance: str) -> BatchSubscriber:
    """Attaches a consumer to a broker with the settings that lose nothing (stack.md 2.3); the caller starts the broker."""
    topic = prefix + consumer.topic
    service = consumer.service

    async def parse(message: tuple[ConsumerRecord[Any, Any], ...]) -> KafkaAckableMessage:
        # Headers of strangers are never decoded here: one bad header would drop the whole batch.
        return _SettledByHandler(body=b"", raw_message=message, consumer=subscriber.consumer)

    async def decode(message: KafkaAckableMessage) -> list[ConsumerRecord[Any, Any]]:
        return list(message.raw_message)

    async def handle(batch: list[ConsumerRecord[Any, Any]]) -> None:
        began = time.monotonic()
        await dealt_with(batch)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(consumer.draining.wait(), rest_after(len(batch), time.monotonic() - began))

    async def dealt_with(batch: list[ConsumerRecord[Any, Any]]) -> None:
        async with consumer.busy:
            consumer.in_hand = len(batch)
            try:
                await consumer.consume([_record(raw) for raw in batch])
                faults.point("P5", consumer.topic)
                await _commit(consumer, subscriber, batch)
                faults.point("P6", consumer.topic)
            except FuseBlown as error:
                _stop(consumer, subscriber, str(error))
                raise
            finally:
                consumer.in_hand = 0

    subscriber = broker.subscriber(
        topic,
        batch=True,
        group_id=group_of(prefix, service, consumer.topic),
        group_instance_id=f"{instance}-{consumer.topic}",
        max_records=MAX_RECORDS,
        batch_timeout_ms=BATCH_TIMEOUT_MS,
        fetch_min_bytes=FETCH_BYTES,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
        no_reply=True,
        rebalance_timeout_ms=REBALANCE_TIMEOUT_MS,
        listener=_WaitForBatch(consumer),
        parser=parse,
        decoder=decode,
    )
    subscriber(handle)
    return subscriber


def rest_after(records: int, worked_s: float) -> float:
    """Seconds that a reader rests after a poll of so many records: by how long it worked (seconds), unless there were many.

    A transaction costs nearly the same for one record as for thirty. Where readers share too few cores each works longer, so rests longer, and
    finds more at once; with a core of its own it rests less than the broker lets it wait for records anyway.
    """
    return 0.0 if records >= MANY else min(REST * worked_s, LONGEST_REST_S)


def _record(raw: ConsumerRecord[Any, Any]) -> Record:
    at = records.Coordinates(raw.topic, raw.partition, raw.offset)
    return Record(at, raw.key, raw.value, tuple(raw.headers or ()), raw.timestamp)


async def _commit(consumer: Reader, subscriber: BatchSubscriber, batch: Sequence[ConsumerRecord[Any, Any]]) -> None:
    """Commits last + 1 of each partition. When that fails the batch is read again, as repeats, by us or by its new owner."""
    offsets = {TopicPartition(raw.topic, raw.partition): raw.offset + 1 for raw in batch}
    if subscriber.consumer is None:
        return
    try:
        await subscriber.consumer.commit(offsets)
    except KafkaError as error:
        topic = consumer.topic
        metrics.OFFSETS_NOT_COMMITTED.labels(topic).inc()
        log.warning("offsets_not_committed", topic=topic, partitions=len(offsets), error=type(error).__name__)
        await asyncio.sleep(LONGEST_WAIT_S)  # a member that is fenced for good must not spin
        raise


async def measure(consumer: Reader, subscriber: BatchSubscriber) -> None:
    """Sets the lag: records that the broker has and this member's partitions have not seen dealt with. Raises KafkaError, TimeoutError."""
    client = subscriber.consumer
    if client is None:
        return
    async with asyncio.timeout(MEASURE_TIMEOUT_S):
        ends = await client.end_offsets(client.assignment())
    assignment = client._subscription.subscription.assignment
    if assignment is None:
        return  # a rebalance meanwhile
    states = [(end, assignment.state_value(p)) for p, end in ends.items()]
    behind = sum(
        max(0, end - state.position) for end, state in states if state is not None and state.has_valid_position
    )
    metrics.CONSUMER_LAG.labels(consumer.topic).set(behind + consumer.in_hand)


def _stop(consumer: Reader, subscriber: BatchSubscriber, reason: str) -> None:
    consumer.stopped_because = reason
    subscriber.running = False
    metrics.FUSE_BLOWN.labels(consumer.topic).set(1)
    log.error("fuse_blown", topic=consumer.topic, reason=reason, runbook="docs/operations.md#fuse")
