"""F12: a reader gets everything out of order: shuffled within a hundred across keys and topics, payments before the registrations they are for.

Its consumers are pointed at topics of their own, which a courier fills from the true ones: each key in its order, nothing else in any. Afterwards
they are pointed back, and meet once more what they have seen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.events import PARTITIONS
from deploy import topics
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_caused
from tests.faults.environment.carrying import Raw, producer, shuffled
from tests.faults.environment.readers import committed, topics_of
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
WINDOW, GATHERED_S, HELD_S = 100, 1.0, 1.5
FIRST_NEEDED = "participants"
"""The topic whose records the others need first: held back, so that these come too early."""
EVENTS = 100


@cell(
    "env.F12.registration",
    fault="F12",
    service="registration",
    process="registration-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registration(ground: Ground) -> Injected:
    return await disorder(ground, "registration")


@cell("env.F12.payments", fault="F12", service="payments", process="payments-consumers", invariants=INVARIANTS)
async def payments(ground: Ground) -> Injected:
    return await disorder(ground, "payments")


@cell(
    "env.F12.notifications",
    fault="F12",
    service="notifications",
    process="notifications-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def notifications(ground: Ground) -> Injected:
    return await disorder(ground, "notifications")


@dataclass
class Carried:
    """`out_of_order`: pairs that a window turned round; `early`: records sent on before one of the held-back topic that came first."""

    taken: int = 0
    written: int = 0
    out_of_order: int = 0
    early: int = 0
    behind: set[str] = field(default_factory=set)


async def disorder(ground: Ground, reader: str) -> Injected:
    """Until the reader has recorded a hundred events from crooked topics; then straight again."""
    stack, name = ground.estate.stack, f"{reader}-consumers"
    crooked = f"crooked{ground.seed}.{reader}."
    await topics.ensure(stack.kafka.bootstrap, topics.declared(prefix=crooked))
    async with flowing(ground), courier(ground, reader, crooked) as carried:
        await ground.restart(name, PERISAI_TOPIC_PREFIX=crooked)
        await until_caused(ground, reader, EVENTS, within_s=120)
        await eventually(lambda: carried.out_of_order > WINDOW, within_s=60, what="the courier turned the order round")
        if reader == "notifications":
            await eventually(lambda: carried.early > 0, within_s=60, what="somebody billed before being registered")
    await ground.restart(name)
    return Injected(planned=carried.taken, fired=carried.written, unit="record", ended_at=time.monotonic())


@asynccontextmanager
async def courier(ground: Ground, reader: str, crooked: str) -> AsyncIterator[Carried]:
    """Carries every new record of the reader's topics to those with the crooked prefix, until the block ends; raises if it could not."""
    stack, carried = ground.estate.stack, Carried()
    prefix = stack.topic_prefix
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka.bootstrap.split(","))
    stop = asyncio.Event()

    async def carry() -> None:
        async with producer(stack.kafka.bootstrap) as through:
            while not stop.is_set():
                window = await a_window(consumer)
                carried.taken += len(window)
                crooked_window = shuffled(window, ground.random)
                note(carried, window, crooked_window)
                first = [r for r in crooked_window if not r.topic.endswith(FIRST_NEEDED)]
                late = [r for r in crooked_window if r.topic.endswith(FIRST_NEEDED)]
                for part in (first, late):
                    sent = [
                        await through.send(crooked + r.topic.removeprefix(prefix), r.value, r.key, headers=[*r.headers])
                        for r in part
                    ]
                    carried.written += len(await asyncio.gather(*sent))
                    if first and late and part is first:
                        await asyncio.sleep(HELD_S)  # long enough for a reader to meet the first part alone

    await consumer.start()
    await _begin_where_the_reader_is(ground, reader, consumer)
    task = asyncio.create_task(carry())
    try:
        yield carried
        assert not task.done(), f"the courier died: {task.exception()!r}"
    finally:
        stop.set()
        await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()


async def _begin_where_the_reader_is(ground: Ground, reader: str, consumer: AIOKafkaConsumer) -> None:
    """What the reader has settled is known to it, and need not come again."""
    settled = await committed(ground, reader)
    parts = [TopicPartition(topic, number) for topic in topics_of(ground, reader) for number in range(PARTITIONS)]
    consumer.assign(parts)
    for part in parts:
        consumer.seek(part, settled.get((part.topic, part.partition), 0))


async def a_window(consumer: AIOKafkaConsumer) -> list[Raw]:
    """Up to a hundred records in the order of their time; fewer when no more come for a moment."""
    window: list[Raw] = []
    until = time.monotonic() + GATHERED_S
    while len(window) < WINDOW and time.monotonic() < until:
        found = await consumer.getmany(timeout_ms=200, max_records=WINDOW - len(window))
        window += [record for batch in found.values() for record in batch]
    return sorted(window, key=lambda r: r.timestamp)


def note(carried: Carried, straight: list[Raw], crooked: list[Raw]) -> None:
    """Counts what the shuffling turned round."""
    rank = {id(record): number for number, record in enumerate(straight)}
    carried.out_of_order += sum(rank[id(a)] > rank[id(b)] for a, b in pairwise(crooked))
    registered = {r.key for r in straight if r.topic.endswith(FIRST_NEEDED)}
    carried.early += sum(not r.topic.endswith(FIRST_NEEDED) and r.key in registered for r in straight)
