"""A reader of ours at work on topics of its own: what is put before it, and the moment when all of that was dealt with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer

from chassis.consumer import Consumer
from chassis.process import Process
from chassis.records import Record
from chassis.settings import Role
from chassis.subscribing import group_of
from chassis.topicreader import read_topic
from services.payments.app import SERVICE as PAYMENTS
from tests.integration.chassis.test_deadletters import committed
from tests.support.eventually import eventually
from tests.support.service import Harness, harness
from tests.support.stack import Stack
from tests.support.toy import Following, running, totals, toy, toy_topics

TOPIC = "participants"


@dataclass
class Reading:
    """A service whose reader of `participants` runs on real Kafka; `written`: records put before it so far."""

    stack: Stack
    h: Harness
    prefix: str
    process: Process
    written: int = 0

    @property
    def topic(self) -> str:
        return self.prefix + TOPIC

    @property
    def consumer(self) -> Consumer:
        return next(one for one in self.process.consumers if one.topic == TOPIC)

    async def put(self, records: Iterable[Record]) -> list[str]:
        """Writes the records in order, by an ordinary producer; gives where each came to lie, as letters name places."""
        producer = AIOKafkaProducer(bootstrap_servers=self.stack.kafka_bootstrap, acks="all")
        await producer.start()
        try:
            places: list[str] = []
            for one in records:
                headers = [(name, value or b"") for name, value in one.headers]
                at = await producer.send_and_wait(self.topic, key=one.key, value=one.value, headers=headers)
                places.append(f"{at.topic}:{at.partition}:{at.offset}")
        finally:
            await producer.stop()
        self.written += len(places)
        return places

    async def committed(self) -> int:
        """Records that the reader's group will never be given again."""
        return await committed(self.stack, group_of(self.prefix, self.h.service.name, TOPIC), self.topic)

    async def dealt_with(self, *, within_s: float = 60) -> None:
        """Returns when the offset stands behind everything that was put."""

        async def all_of_it() -> bool:
            return await self.committed() == self.written

        await eventually(all_of_it, within_s=within_s, what="the offset moved past everything")

    async def letters(self) -> list[Record]:
        """What lies on the dead-letter topic."""
        return [one async for one in read_topic([self.stack.kafka_bootstrap], f"{self.prefix}dead-letters")]

    async def parked(self) -> dict[str, tuple[str, int]]:
        """Key → (reason, how many events wait)."""
        return {one.key: (one.reason, one.events) for one in await self.h.parked()}


@asynccontextmanager
async def of_payments(stack: Stack) -> AsyncIterator[Reading]:
    """Payments as its process with the consumers' role."""
    async with stack.own_topics() as prefix:
        where: dict[str, Any] = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with harness(PAYMENTS, stack, roles=frozenset({Role.CONSUMERS}), **where) as h:
            async with running(Process(h.app)) as process:
                yield Reading(stack, h, prefix, process)


@asynccontextmanager
async def of_totals(stack: Stack, handler: Following | None = None) -> AsyncIterator[Reading]:
    """The toy reader; `handler` decides what a number does to it. It does not run before `running(reading.process)`."""
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(totals(handler or Following()), stack, **where) as h:
            yield Reading(stack, h, prefix, Process(h.app))


def woven(bad: Sequence[Record], good: Sequence[Record]) -> list[Record]:
    """The bad ones spread evenly among the good ones, which begin and end."""
    each = len(good) // (len(bad) + 1)
    rest = iter(good)
    made: list[Record] = []
    for one in bad:
        made += [next(rest) for _ in range(each)]
        made.append(one)
    return [*made, *rest]
