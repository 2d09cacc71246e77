"""What the broker lost is sent again from the log, and readers that know it already do nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import sqlalchemy as sa
from aiokafka import AIOKafkaProducer

from chassis.ids import new_id
from chassis.process import Process
from chassis.producer import make_producer
from chassis.republish import republish
from deploy import topics
from deploy.topics import Topic
from tests.integration.chassis.test_outages import has
from tests.integration.chassis.test_relay import published
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, Following, count, running, totals, toy, toy_topics


@asynccontextmanager
async def producing(stack: Stack) -> AsyncIterator[AIOKafkaProducer]:
    producer = make_producer([stack.kafka_bootstrap], client_id="operator")
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def again(h: Harness, stack: Stack, prefix: str, *, key: str | None = None, stream: str | None = None) -> int:
    async with producing(stack) as producer:
        return await republish(
            h.app.engine,
            producer,
            service="counting",
            prefix=prefix,
            catalogue=COUNTING.catalogue,
            key=key,
            stream=stream,
        )


async def test_topic_that_was_lost_is_filled_again_and_takes_no_effect_twice(stack: Stack) -> None:
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            keys = [new_id() for _ in range(10)]
            expected = {str(key): [1, 2, 3] for key in keys}
            async with running(Process(writer.app)):
                async with running(Process(reader.app)):
                    for n in (1, 2):
                        await writer.run(count, [Add(key, n) for key in keys])
                    await eventually(lambda: has(reader, {str(key): [1, 2] for key in keys}))
                lost = [Topic(f"{prefix}participants", 4, {"cleanup.policy": "delete"})]
                await topics.delete(stack.kafka_bootstrap, lost)
                await topics.ensure(stack.kafka_bootstrap, lost)
                await writer.run(count, [Add(key, 3) for key in keys])
                assert await again(writer, stack, prefix) == 30
                async with running(Process(reader.app)):
                    await eventually(lambda: has(reader, expected))
            assert await reader.parked() == []
            assert {k: sorted(v) for k, v in (await published(stack, prefix)).items()} == expected


async def test_a_writer_that_began_before_is_waited_for(stack: Stack) -> None:
    """Else a row that commits late is passed over, and its key's next event stands before it."""
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        one, late, other = new_id(), new_id(), new_id()
        await h.run(count, [Add(one, 1)])
        async with h.app.engine.connect() as conn:
            # its position lies before that of the next
            await conn.execute(_COPIED, {"key": str(late), "from": str(one)})
            await h.run(count, [Add(other, 1)])
            before = h.app.counters.statements
            sending = asyncio.create_task(again(h, stack, prefix))
            await eventually(
                lambda: h.app.counters.statements >= before + 3, what="asked twice whether the writer ended"
            )
            await conn.commit()
        assert await sending == 3
        assert await published(stack, prefix) == {str(key): [1] for key in (one, late, other)}


_COPIED = sa.text(
    "INSERT INTO event_log (event_id, stream, key, seq, bucket, type, version, rules, occurred_at, recorded_at, actor, correlation_id, payload)"
    " SELECT gen_random_uuid(), stream, :key, 1, bucket, type, version, rules, occurred_at, recorded_at, actor, correlation_id, payload"
    " FROM event_log WHERE key = :from"
)


async def test_one_key_or_stream_alone(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        one, other = new_id(), new_id()
        await h.run(count, [Add(one, 1), Add(one, 2), Add(other, 1)])
        assert await again(h, stack, prefix, key=str(one), stream="counters") == 2
        assert await published(stack, prefix) == {str(one): [1, 2]}
        assert await again(h, stack, prefix, stream="totals") == 0
