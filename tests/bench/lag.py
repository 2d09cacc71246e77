"""Whether anything is still on its way: rows that no relay has published, records that a group has not committed."""

from __future__ import annotations

import asyncio
import time

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from chassis.cursors import UNPUBLISHED
from deploy.local.stack import LocalStack
from tests.support.estate import READS, SERVICES

POLL_S = 0.25


async def unpublished(stack: LocalStack, service: str) -> int:
    """Rows of this service's log that the broker has not acknowledged."""
    connection = await asyncpg.connect(stack.databases.url(service, "reader"))
    try:
        return int(await connection.fetchval(UNPUBLISHED.text))
    finally:
        await connection.close()


class Watch:
    """Clients that stay open while one looks again and again."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        bootstrap = stack.kafka.bootstrap.split(",")
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)

    async def __aenter__(self) -> Watch:
        await self._admin.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def lag(self, service: str, topic: str) -> int:
        """Records of the topic that the service has not committed."""
        full = f"{self._stack.topic_prefix}{topic}"
        await self._consumer._client.add_topic(full)
        parts = [TopicPartition(full, number) for number in self._consumer.partitions_for_topic(full) or ()]
        ends = await self._consumer.end_offsets(parts)
        group = f"{self._stack.topic_prefix}{service}.{topic}"
        done = await self._admin.list_consumer_group_offsets(group, partitions=parts)
        return sum(ends[part] - max(done[part].offset, 0) for part in parts)

    async def behind(self) -> dict[str, int]:
        """Everything that is on its way, by where it is; zeros left out."""
        rows = {f"{service} unpublished": await unpublished(self._stack, service) for service in SERVICES}
        lags = {f"{s} {topic}": await self.lag(s, topic) for s, topics in READS.items() for topic in topics}
        return {where: number for where, number in {**rows, **lags}.items() if number}


async def until_caught_up(stack: LocalStack, *, within_s: float) -> None:
    """Raises TimeoutError that names what is still behind. Seen empty twice: what one hop took may come out of the next."""
    deadline, empty = time.monotonic() + within_s, 0
    async with Watch(stack) as watch:
        while empty < 2:
            try:
                behind = await watch.behind()
            except KafkaError:
                behind = {"kafka": 1}
            empty = 0 if behind else empty + 1
            if behind and time.monotonic() > deadline:
                raise TimeoutError(f"not caught up within {within_s:.0f} s: {behind}")
            await asyncio.sleep(POLL_S)
