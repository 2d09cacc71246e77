"""A toy writer and a toy reader joined by real topics, and the moment at which nothing is under way between them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.subscribing import group_of
from tests.faults.evidence import Evidence
from tests.faults.stories import facts
from tests.integration.chassis.test_relay import nothing_unpublished
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Following, totals, toy, toy_topics


@dataclass(frozen=True)
class Pair:
    """`writer` counts, `reader` totals; both on databases of their own."""

    stack: Stack
    prefix: str
    writer: Harness
    reader: Harness

    @property
    def topic(self) -> str:
        return f"{self.prefix}participants"

    @property
    def group(self) -> str:
        return group_of(self.prefix, "totals", "participants")

    async def drained(self) -> bool:
        """Nothing unpublished, and the reader's committed offsets are the ends of its topic."""
        return await nothing_unpublished(self.writer) and await lag(self.stack, self.group, self.topic) == 0

    async def judge(self, evidence: Evidence, *, parked: int = 0) -> None:
        """I2 and I6 of both, after the drain; so many keys are parked for a cause that was planted."""
        log, topic = await facts.logged(self.writer, "counters"), await facts.published(self.stack, self.topic)
        effects = await facts.logged(self.reader, "totals")
        assert len(await self.reader.parked()) == parked
        carried = facts.not_carried(log, topic)
        if not parked:
            carried = [*carried, *facts.not_applied_once(log, effects)]
            carried = [*carried, *await facts.progress_behind(self.reader, log, "counters")]
        evidence.holds("I2", checked=len(log) + len(effects), violations=carried)
        order = facts.out_of_order(topic) + facts.holes(effects) + facts.applied_out_of_order(log, effects)
        evidence.holds("I6", checked=len(topic), violations=order)


@asynccontextmanager
async def pair(stack: Stack, handler: Following | None = None) -> AsyncIterator[Pair]:
    """The two services; nothing runs yet."""
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with (
            toy(COUNTING, stack, **where) as writer,
            toy(totals(handler or Following()), stack, **where) as reader,
        ):
            yield Pair(stack, prefix, writer, reader)


async def lag(stack: Stack, group: str, topic: str) -> int:
    """Records of the topic that the group has not acknowledged."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        await consumer._client.add_topic(topic)
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = await consumer.end_offsets(parts)
        return sum([ends[part] - (await consumer.committed(part) or 0) for part in parts])
    finally:
        await consumer.stop()


async def patiently(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float) -> bool:
    """Whether the condition came true in time. For waits whose failure is judged by what is found afterwards, not by the waiting."""
    deadline = time.monotonic() + within_s
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return True
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
