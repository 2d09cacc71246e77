"""F22: the dead-letter topic is gone while poison arrives. The reader stops there, says so and passes nothing over; when the topic is back, the
poison becomes its letter and everything behind it flows.
"""

from __future__ import annotations

import asyncio
import time

from aiokafka.admin import AIOKafkaAdminClient

from chassis.deadletters import TOPIC as LETTERS
from deploy import topics
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_recorded
from tests.faults.environment.carrying import Placed, place, producer
from tests.faults.environment.f13_poison import READ_AS, stranger
from tests.faults.environment.readers import committed, topics_of
from tests.faults.ground import Ground
from tests.support.eventually import eventually
from tests.support.topics import read_topic, write_topic

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11")
GONE_S = 8.0
SAYS_WITHIN_S = 30.0


@cell("env.F22.payments", fault="F22", service="payments", process="payments-consumers", invariants=INVARIANTS)
async def payments(ground: Ground) -> Injected:
    return await no_letters(ground, "payments")


@cell(
    "env.F22.registration",
    fault="F22",
    service="registration",
    process="registration-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registration(ground: Ground) -> Injected:
    return await no_letters(ground, "registration")


@cell(
    "env.F22.notifications",
    fault="F22",
    service="notifications",
    process="notifications-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def notifications(ground: Ground) -> Injected:
    return await no_letters(ground, "notifications")


async def no_letters(ground: Ground, reader: str) -> Injected:
    """Deletes the topic, sends poison, watches the offset stand still at it for some seconds, and makes the topic again."""
    stack = ground.estate.stack
    topic = topics_of(ground, reader)[0]
    letters = stack.topic_prefix + LETTERS
    before = await read_topic(stack.kafka.bootstrap, letters)
    await delete(stack.kafka.bootstrap, letters)
    logged = ground.estate.log(f"{reader}-consumers").stat().st_size
    async with flowing(ground, per_s=5):
        placed = await one_poison(ground, reader, topic)
        says = lambda: says_so(ground, reader, logged)  # noqa: E731
        await eventually(says, within_s=SAYS_WITHIN_S, what="the reader says that it waits")
        await stands_still(ground, reader, placed)
    await topics.ensure(stack.kafka.bootstrap, topics.declared(prefix=stack.topic_prefix))
    ended_at = time.monotonic()
    await write_topic(
        stack.kafka.bootstrap, letters, [(r.key, r.value, list(r.headers)) for r in before]
    )  # of earlier cells
    planted = {"dead_letters": [placed.as_letter()]}
    return Injected(planned=1, fired=1, unit="record", ended_at=ended_at, planted=planted)


async def delete(bootstrap: str, topic: str) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    await client.start()
    try:
        await client.delete_topics([topic])
        while topic in await client.list_topics():
            await asyncio.sleep(0.1)
    finally:
        await client.close()


async def one_poison(ground: Ground, reader: str, topic: str) -> Placed:
    envelope = stranger(
        ground.random, (name := topic.removeprefix(ground.estate.stack.topic_prefix)), READ_AS[reader, name]
    )
    async with producer(ground.estate.stack.kafka.bootstrap) as through:
        return await place(through, topic, envelope.key.encode(), b"poison", envelope.to_headers())


def says_so(ground: Ground, reader: str, since: int) -> bool:
    """Whether the reader's log names a wait with its runbook since that many bytes."""
    with ground.estate.log(f"{reader}-consumers").open("rb") as log:
        log.seek(since)
        return any(b"consumer_waits" in line or b"consumer_failed" in line for line in log)


async def stands_still(ground: Ground, reader: str, placed: Placed) -> None:
    """For some seconds, while records pile up behind the poison, its offset is not passed. AssertionError if it is."""
    place_ = placed.topic, placed.partition
    ends = time.monotonic() + GONE_S
    while time.monotonic() < ends:
        await until_recorded(ground, "registration", 1, within_s=30)
        at = (await committed(ground, reader)).get(place_, 0)
        assert at <= placed.offset, f"{reader} passed over the poison without a letter: {at} > {placed.offset}"
