"""Is everything well again? Asked from outside, several times a second: probes, unpublished events, readers' lag.

Samples are evidence for the checker (I11), which decides when the system was well to stay.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from tests.support.estate import FOLLOWED, Estate

EVERY_S = 0.25
STEADY = 3
RECORDS_PER_PERSON = 15
"""Of a core cycle, as readers' lag counts them: two events of the person and three of its contribution, each read by two services, and five of its
messages, read by one. So a second of load is a second of reading."""
ARCHIVED_PER_PERSON = 11
"""Where audit plays: each of these events once more."""
ANSWER_S, OPEN_S = 2.0, 10.0
AWAY = 1e9
"""Stands for a value that could not be had: never well."""

# One index look-up per bucket; a service whose relay never ran has no cursors, and everything of it is unpublished.
UNPUBLISHED = (
    "SELECT COALESCE(extract(epoch FROM clock_timestamp() - min(e.recorded_at)), 0)::float8 AS age"
    " FROM generate_series(0, 15) AS b LEFT JOIN relay_cursors c ON c.bucket = b CROSS JOIN LATERAL ("
    "  SELECT recorded_at FROM event_log WHERE bucket = b AND position > COALESCE(c.floor, 0)"
    "  AND (tx_id, position) > (COALESCE(c.tx_id, '0'::xid8), COALESCE(c.position, 0))"
    "  ORDER BY tx_id, position LIMIT 1) e"
)

Sample = tuple[float, bool, float, float]
"""(monotonic seconds, all ready, age of the oldest unpublished event in s, records not yet consumed)."""


class Watch:
    """Keeps asking while it is open; `samples` in order of time."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self.samples: list[Sample] = []
        self._lags: Lags | None = None
        self._readers: dict[str, asyncpg.Connection[asyncpg.Record]] = {}
        # A cell may ask while samples are taken, over the same connections.
        self._databases, self._brokers = asyncio.Lock(), asyncio.Lock()

    def well(self, *, since: float, per_s: float) -> bool:
        """Whether the last samples, all taken after `since`, were good: ready, published within a second, at most a second behind."""
        last = self.samples[-STEADY:]
        return len(last) == STEADY and all(
            at >= since and ready and age <= 1 and lag <= per_s for at, ready, age, lag in last
        )

    async def look(self) -> Sample:
        """One sample; what does not answer is not well."""
        at = time.monotonic()
        ready, age, lag = await asyncio.gather(self._ready(), self.unpublished_age(), self.lag())
        return at, ready, age, lag

    async def _ready(self) -> bool:
        names = self._estate.names
        if not all(self._estate.running(name) for name in names):
            return False
        return all(await asyncio.gather(*(self._estate.ready(name) for name in names)))

    async def unpublished_age(self) -> float:
        """Seconds that the oldest unpublished event of any service waits; 0 when all are out."""
        try:
            async with self._databases, asyncio.timeout(ANSWER_S):
                return max(await asyncio.gather(*(self._age_in(name) for name in self._estate.services)))
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            self._forget_databases()
            return AWAY

    async def _age_in(self, service: str) -> float:
        if service not in self._readers:
            url = self._estate.stack.databases.url(service, "reader")
            self._readers[service] = await asyncpg.connect(url, timeout=ANSWER_S)
        return float(await self._readers[service].fetchval(UNPUBLISHED))

    async def lag(self) -> float:
        """Records that some group has not committed yet."""
        try:
            async with self._brokers:
                if self._lags is None:
                    async with asyncio.timeout(OPEN_S):
                        self._lags = await Lags.open(self._estate)
                async with asyncio.timeout(ANSWER_S):
                    return float(await self._lags.total())
        except (OSError, TimeoutError, KafkaError, KeyError):
            await self._forget_brokers()
            return AWAY

    async def forget(self) -> None:
        """The next question goes over new connections."""
        self._forget_databases()
        await self._forget_brokers()

    def _forget_databases(self) -> None:
        for connection in self._readers.values():
            connection.terminate()
        self._readers.clear()

    async def _forget_brokers(self) -> None:
        """Of the brokers alone: a question to the databases may be on its way over theirs."""
        lags, self._lags = self._lags, None
        if lags is not None:
            await lags.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Watch]:
        """Samples while the block runs."""

        async def sample() -> None:
            while True:
                self.samples.append(await self.look())
                await asyncio.sleep(EVERY_S)

        task = asyncio.create_task(sample(), name="watch")
        try:
            yield self
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self.forget()


class Lags:
    """Committed offsets against end offsets, over connections that stay open."""

    def __init__(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, groups: list[tuple[str, str]]) -> None:
        self._admin, self._consumer, self._groups = admin, consumer, groups

    @classmethod
    async def open(cls, estate: Estate) -> Lags:
        bootstrap, prefix = estate.stack.kafka.bootstrap.split(","), estate.stack.topic_prefix
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=2000)
        consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, request_timeout_ms=2000)
        lags = cls(
            admin,
            consumer,
            [(f"{prefix}{s}.{topic}", prefix + topic) for s in estate.services for topic in FOLLOWED[s]],
        )
        try:
            await admin.start()
            await consumer.start()
            for topic in sorted({topic for _, topic in lags._groups}):
                await consumer._client.add_topic(topic)
        except BaseException:
            await lags.close()
            raise
        return lags

    async def total(self) -> int:
        """Committed first, ends after: what arrives in between counts as behind, never as ahead."""
        found = await asyncio.gather(*(self._admin.list_consumer_group_offsets(group) for group, _ in self._groups))
        ends = await self._ends()
        behind = 0
        for (_, topic), committed in zip(self._groups, found, strict=True):
            for place, end in ends.items():
                if place.topic == topic:
                    at = committed.get(place)
                    behind += end - (max(at.offset, 0) if at is not None else 0)
        return behind

    async def _ends(self) -> dict[TopicPartition, int]:
        places = [
            TopicPartition(topic, number)
            for topic in sorted({topic for _, topic in self._groups})
            for number in self._consumer.partitions_for_topic(topic) or ()
        ]
        found: dict[TopicPartition, int] = await self._consumer.end_offsets(places)
        return found

    async def close(self) -> None:
        for client in (self._consumer.stop, self._admin.close):
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client(), 2)
