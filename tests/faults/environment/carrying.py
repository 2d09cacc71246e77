"""Records put onto topics as the outside world does: the same record again, or one of our own making; each waited for."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiokafka import AIOKafkaProducer, ConsumerRecord

LARGEST = 1_048_576
"""A record above the broker's limit is refused; the largest poison stays below it."""

Raw: TypeAlias = "ConsumerRecord[Any, Any]"


@dataclass(frozen=True)
class Placed:
    """Where a record of ours came to lie."""

    topic: str
    partition: int
    offset: int
    value: bytes | None

    def as_letter(self) -> dict[str, Any]:
        """What the checker is told of a record that must become a dead letter."""
        digest = hashlib.sha256(self.value or b"").hexdigest()
        return {"topic": self.topic, "partition": self.partition, "offset": self.offset, "sha256": digest}


@asynccontextmanager
async def producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """Waits for every replica; not idempotent, so that it gives up when the broker stays away."""
    made = AIOKafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all", max_request_size=LARGEST)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def place(
    through: AIOKafkaProducer, topic: str, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]]
) -> Placed:
    """Puts one record there and tells where it lies."""
    at = await through.send_and_wait(topic, value, key, headers=list(headers))
    return Placed(topic, at.partition, at.offset, value)


def shuffled(records: Sequence[Raw], chance: random.Random) -> list[Raw]:
    """In random order across keys and topics, in order within a key of a topic."""
    queues: dict[tuple[str, Any], list[Raw]] = {}
    for record in records:
        queues.setdefault((record.topic, record.key), []).append(record)
    waiting = list(queues.values())
    found = []
    while waiting:
        at = chance.randrange(len(waiting))
        found.append(waiting[at].pop(0))
        if not waiting[at]:
            waiting[at] = waiting[-1]
            waiting.pop()
    return found
