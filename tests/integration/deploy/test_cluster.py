"""Three brokers: every partition three times, one broker may die, and a link in front of their second doors can be cut."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from deploy import topics
from deploy.local.kafka import cluster
from deploy.local.ports import HOST
from deploy.local.stack import LocalStack
from deploy.local.trouble import Trouble
from tests.support.eventually import eventually
from tests.support.proxy import link

pytestmark = pytest.mark.timeout(180)  # three JVMs on few cores
TOPIC = "perisai.participants"


async def test_three_brokers_hold_everything_three_times_and_go_on_without_one(open_folder: Path) -> None:
    async with LocalStack(open_folder, environ={}, brokers=3, links=True) as stack:
        assert stack.kafka.about == "Apache Kafka 4.4.0 ×3"
        assert stack.kafka.bootstrap.split(",") == [f"{HOST}:{stack.ports[name]}" for name in stack.brokers]
        await assert_replicated(stack)
        leader = await leader_of(stack, 0)
        producer = AIOKafkaProducer(bootstrap_servers=stack.kafka.bootstrap, acks="all", enable_idempotence=True)
        async with producer:
            await producer.send_and_wait(TOPIC, b"before", partition=0)
            await stack.kill(leader)
            async with asyncio.timeout(60):  # a few seconds, on a machine that is not busy with other things
                await producer.send_and_wait(TOPIC, b"without", partition=0)
            assert await leader_of(stack, 0) != leader
            await stack.restart(leader)  # returns when all replicas are in sync again
            await producer.send_and_wait(TOPIC, b"after", partition=0)
        assert await values(stack.kafka.bootstrap) == [b"before", b"without", b"after"]
        assert cluster.controller(open_folder, 3) in stack.brokers
        await assert_links_can_be_cut(stack)
    with pytest.raises(Trouble, match=r"holds the data of BROKERS=3, this start wants BROKERS=1"):
        async with LocalStack(open_folder, environ={}):
            pass


async def assert_replicated(stack: LocalStack) -> None:
    """Every declared topic, and the broker's own for offsets: three replicas, of which two must be in sync."""
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka.bootstrap)
    await client.start()
    try:
        asked = [*topics.declared(), topics.Topic("__consumer_offsets", 50, {})]

        async def held() -> bool:  # each broker learns of a topic at its own time, and any of them may be asked
            found = await client.describe_topics([topic.name for topic in asked])
            replicas = {topic["topic"]: {len(p["replicas"]) for p in topic["partitions"]} for topic in found}
            known = await topics.settings(client, topics.declared()) or {}
            minima = {name: entry["min.insync.replicas"] for name, entry in known.items()}
            all_three = replicas == {topic.name: {3} for topic in asked}
            return all_three and minima == {topic.name: "2" for topic in topics.declared()}

        await eventually(held, what="three replicas of everything, two of them in sync")
    finally:
        await client.close()


async def leader_of(stack: LocalStack, partition: int) -> str:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka.bootstrap)
    await client.start()
    try:
        (topic,) = await client.describe_topics([TOPIC])
        (leader,) = [int(p["leader"]) for p in topic["partitions"] if p["partition"] == partition]
        return stack.brokers[leader - 1]
    finally:
        await client.close()


async def values(bootstrap: str) -> list[bytes]:
    """The records of partition 0. TimeoutError or KafkaError where two seconds bring nothing."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, request_timeout_ms=2_000, retry_backoff_ms=50)
    async with asyncio.timeout(60), consumer:
        partition, found = TopicPartition(TOPIC, 0), list[bytes]()
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        while await consumer.position(partition) < end:
            found += [
                record.value for record in (await consumer.getmany(partition, timeout_ms=2_000)).get(partition, [])
            ]
        return found


async def assert_links_can_be_cut(stack: LocalStack) -> None:
    """Who asks at the links is sent to the links, also for what another broker leads; who asks at the brokers does not feel them."""
    doors = [
        link(f"{HOST}:{stack.ports[f'{name}-behind-link']}", port=stack.ports[f"{name}-link"]) for name in stack.brokers
    ]
    async with doors[0] as first, doors[1] as second, doors[2] as third:
        every = (first, second, third)
        bootstrap = ",".join(door.address for door in every)
        direct = stack.kafka.bootstrap
        assert await values(bootstrap) == [b"before", b"without", b"after"]
        for door in every:
            door.cut("answers")
        began = time.monotonic()
        with pytest.raises((TimeoutError, KafkaError)):
            await values(bootstrap)
        assert time.monotonic() - began > 1.5
        assert await values(direct) == [b"before", b"without", b"after"]
        for door in every:
            door.heal()
        assert await values(bootstrap) == [b"before", b"without", b"after"]
