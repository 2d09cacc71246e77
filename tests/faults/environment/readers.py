"""Who reads what, and how far: consumer groups seen from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient

from tests.support.estate import READS

if TYPE_CHECKING:
    from tests.faults.ground import Ground

Offsets = dict[tuple[str, int], int]
"""(topic, partition) → the next record that the group has not settled."""


def topics_of(ground: Ground, reader: str) -> list[str]:
    """Full names of the topics that a service reads."""
    return [ground.estate.stack.topic_prefix + name for name in READS[reader]]


def readers_of(ground: Ground, topic: str) -> list[str]:
    """The services that read a topic (full name)."""
    name = topic.removeprefix(ground.estate.stack.topic_prefix)
    return [reader for reader, read in READS.items() if name in read]


async def committed(ground: Ground, reader: str) -> Offsets:
    """What all groups of a service have committed."""
    stack = ground.estate.stack
    found: Offsets = {}
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka.bootstrap.split(","))
    await client.start()
    try:
        for name in READS[reader]:
            group = f"{stack.topic_prefix}{reader}.{name}"
            offsets = await client.list_consumer_group_offsets(group)
            found |= {(at.topic, at.partition): told.offset for at, told in offsets.items()}
    finally:
        await client.close()
    return found
