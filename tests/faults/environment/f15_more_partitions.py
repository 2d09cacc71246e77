"""F15: somebody adds partitions to a topic by hand, and keys would move. The relay refuses to go on before one does, says so, and is not ready.

Played on topics of its own, since partitions cannot be taken away: registration's relay is pointed there, and back when an operator has republished.
"""

from __future__ import annotations

import time
from collections import defaultdict

from aiokafka.admin import NewPartitions

from deploy import topics
from tests.faults.cells import Injected, cell
from tests.faults.environment.brokers import admin
from tests.faults.environment.busy import flowing, violation
from tests.faults.environment.f04h_topics_lost import republish
from tests.faults.environment.metrics import stopped
from tests.faults.ground import Ground
from tests.support.eventually import eventually
from tests.support.topics import read_topic

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
RELAY, TOPIC, MORE = "registration-relay", "participants", 36
ALARM_WITHIN_S, FIRST_RECORDS = 30.0, 20


@cell(
    "env.F15",
    fault="F15",
    service="registration",
    process=RELAY,
    action="partitions added",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def more_partitions(ground: Ground) -> Injected:
    """The relay publishes there, then there are more partitions; half a minute is what it may take to notice."""
    stack, own = ground.estate.stack, f"raised{ground.seed}."
    await topics.ensure(stack.kafka.bootstrap, topics.declared(prefix=own))
    async with ground.held(RELAY):
        async with flowing(ground):
            await ground.estate.restart(RELAY, PERISAI_TOPIC_PREFIX=own)
            await eventually(lambda: published(ground, own), within_s=60, what="some records on its own topics")
            async with admin(ground) as client:
                await client.create_partitions({own + TOPIC: NewPartitions(total_count=MORE)})
            began = time.monotonic()
            await eventually(lambda: stopped(ground, RELAY), within_s=2 * ALARM_WITHIN_S, what="the relay refuses")
            took = time.monotonic() - began
        await ground.estate.kill(RELAY)
        action = await republish(ground, "registration")  # what went to the other topics, before anything newer
    await ground.restart(RELAY)
    found = violation(
        "I11", RELAY, expected="an alarm within 30 s", actual=f"{took:.1f} s", holds=took <= ALARM_WITHIN_S
    ) | violation("I6", own + TOPIC, expected="one partition per key", actual="two", holds=not await moved(ground, own))
    return Injected(planned=1, fired=1, unit="edit", ended_at=time.monotonic(), operator_actions=[action], found=found)


async def published(ground: Ground, own: str) -> bool:
    return len(await read_topic(ground.estate.stack.kafka.bootstrap, own + TOPIC)) >= FIRST_RECORDS


async def moved(ground: Ground, own: str) -> bool:
    """Whether a key lies in two partitions."""
    places: defaultdict[bytes | None, set[int]] = defaultdict(set)
    for record in await read_topic(ground.estate.stack.kafka.bootstrap, own + TOPIC):
        places[record.key].add(record.partition)
    return any(len(found) > 1 for found in places.values())
