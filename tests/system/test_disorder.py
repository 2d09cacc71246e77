"""The outreach day with every record delivered twice and shuffled across keys: the same figures to the rupiah.

Each service runs as two processes: one with everything but consumers, whose relay writes the topics `straight.`, and one with the consumers,
which read the topics `crooked.`. A courier between them copies every record twice, out of order across keys, in order within a key.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from deploy import topics
from deploy.local import outreach_day, places
from deploy.local.outreach import history
from deploy.local.stack import OUTSIDE, SERVICES, LocalStack

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

STRAIGHT, CROOKED = "straight.", "crooked."
CARRIED = ("participants", "agency", "contributions", "incentives", "notifications", "audit")


async def test_outreach_day_adds_up_under_duplicates_and_disorder(open_folder: Path) -> None:
    stack = LocalStack(
        open_folder,
        services=SERVICES,
        outside=OUTSIDE,
        environ={"PERISAI_TOPIC_PREFIX": STRAIGHT},
        business_time=history.BEGINS,
    )
    stack.more = {name: {"PERISAI_ROLES": "api,relay,timers,workers"} for name in SERVICES}
    async with stack:
        await topics.ensure(stack.kafka.bootstrap, topics.declared(prefix=CROOKED))
        async with courier(stack.kafka.bootstrap) as carried, consumers(stack):
            report = await outreach_day.play(stack, lambda text: None)
    assert outreach_day.differences(report) == []
    assert carried["copies"] == 2 * carried["records"] > 500


@asynccontextmanager
async def courier(bootstrap: str) -> AsyncIterator[dict[str, int]]:
    """Copies each record twice: a batch is dealt out in random order of its keys, and then once more in another."""
    counts = {"records": 0, "copies": 0}
    consumer = AIOKafkaConsumer(
        *(STRAIGHT + name for name in CARRIED),
        bootstrap_servers=bootstrap,
        group_id="courier",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await consumer.start()
    await producer.start()

    async def carry() -> None:
        chance = random.Random(7)
        while True:
            batches = await consumer.getmany(timeout_ms=100)
            records = [record for batch in batches.values() for record in batch]
            for copy in (shuffled(records, chance), shuffled(records, chance)):
                for record in copy:
                    topic = CROOKED + record.topic.removeprefix(STRAIGHT)
                    await producer.send_and_wait(topic, record.value, record.key, headers=list(record.headers))
            counts["records"] += len(records)
            counts["copies"] += 2 * len(records)

    task = asyncio.create_task(carry())
    try:
        yield counts
    finally:
        died = task.done()
        task.cancel()
        (ending,) = await asyncio.gather(task, return_exceptions=True)
        await consumer.stop()
        await producer.stop()
        assert not died, f"the courier died: {ending!r}"


def shuffled(records: list[ConsumerRecord[Any, Any]], chance: random.Random) -> list[ConsumerRecord[Any, Any]]:
    """Random across keys, in order within a key."""
    queues: dict[bytes, list[ConsumerRecord[Any, Any]]] = {}
    for record in records:
        queues.setdefault(record.key, []).append(record)
    found = []
    while queues:
        key = chance.choice(sorted(queues))
        found.append(queues[key].pop(0))
        if not queues[key]:
            del queues[key]
    return found


@asynccontextmanager
async def consumers(stack: LocalStack) -> AsyncIterator[None]:
    """The consumers of every service, each in a process of its own, reading the crooked topics."""
    running = []
    for name in SERVICES:
        settings = json.loads((stack.folder / "environments" / f"{name}.json").read_text())
        own = {
            "PERISAI_ROLES": "consumers",
            "PERISAI_TOPIC_PREFIX": CROOKED,
            "PERISAI_INSTANCE": f"{name}-consumers",
            "PERISAI_HTTP_PORT": "0",
        }
        with (stack.folder / "logs" / f"{name}-consumers.log").open("wb") as log:
            running.append(
                await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    f"services.{name}",
                    env={**os.environ, **settings, **own},
                    cwd=places.PROJECT,
                    stdout=log,
                    stderr=log,
                )
            )
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in running))
