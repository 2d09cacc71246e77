"""F11: every event on the topics that a reader reads comes five times more, in random order across keys, while its consumers are restarted.

The copies keep key, value and headers, so they are repeats and nothing else: no effect doubles, no step back counts.
"""

from __future__ import annotations

import asyncio
import time

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import until_caused
from tests.faults.environment.carrying import Raw, producer, shuffled
from tests.faults.environment.readers import topics_of
from tests.faults.ground import Ground
from tests.support.topics import read_topic

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
TIMES = 5
AT_ONCE = 200
EVENTS = 50
"""Of the reader's own, before the copying begins: six in ten of a cell's 150 people pay, and registration records one event for each."""


@cell(
    "env.F11.registration",
    fault="F11",
    service="registration",
    process="registration-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registration(ground: Ground) -> Injected:
    return await repeat_everything(ground, "registration")


@cell("env.F11.payments", fault="F11", service="payments", process="payments-consumers", invariants=INVARIANTS)
async def payments(ground: Ground) -> Injected:
    return await repeat_everything(ground, "payments")


@cell(
    "env.F11.notifications",
    fault="F11",
    service="notifications",
    process="notifications-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def notifications(ground: Ground) -> Injected:
    return await repeat_everything(ground, "notifications")


async def repeat_everything(ground: Ground, reader: str) -> Injected:
    """Reads what the topics hold, writes it five times more; the reader is killed and started between the copies."""
    stack = ground.estate.stack
    await until_caused(ground, reader, EVENTS)
    once: dict[bytes, Raw] = {}
    for topic in topics_of(ground, reader):
        for record in await read_topic(stack.kafka.bootstrap, topic):
            once.setdefault(dict(record.headers).get("ce_id", record.value or b""), record)
    records = [*once.values()]
    written = 0
    for number in range(TIMES):
        written += await write(stack.kafka.bootstrap, shuffled(records, ground.random))
        if number in (1, 3):
            await ground.restart(f"{reader}-consumers")
    return Injected(planned=TIMES * len(records), fired=written, unit="record", ended_at=time.monotonic())


async def write(bootstrap: str, records: list[Raw]) -> int:
    """Puts the records onto their own topics, each acknowledged; a key's in their order. Returns how many."""
    written = 0
    async with producer(bootstrap) as through:
        for start in range(0, len(records), AT_ONCE):
            futures = [
                await through.send(r.topic, r.value, r.key, headers=list(r.headers))
                for r in records[start : start + AT_ONCE]
            ]
            written += len(await asyncio.gather(*futures))
    return written
