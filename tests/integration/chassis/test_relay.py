"""The relay on real Kafka and PostgreSQL: nothing lost, order per key, whoever writes and however it is interrupted."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer

from chassis.ids import new_id
from chassis.rebase import rebase
from chassis.relay import UNPUBLISHED, ForeignCursor, Relay, make_producer
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.topics import header, read_topic
from tests.support.toy import COUNTING, Add, count, toy


def relay(h: Harness, stack: Stack, prefix: str, instance: str = "counting-0") -> Relay:
    return Relay(
        h.app.engine,
        service="counting",
        instance=instance,
        bootstrap=[stack.kafka_bootstrap],
        prefix=prefix,
        catalogue=COUNTING.catalogue,
    )


async def published(stack: Stack, prefix: str) -> dict[str, list[int]]:
    """key → seqs in topic order, first occurrences only."""
    seen: dict[str, list[int]] = {}
    for record in await read_topic(stack.kafka_bootstrap, f"{prefix}participants"):
        seqs = seen.setdefault(record.key.decode(), [])
        if (seq := int(header(record, "ce_seq"))) not in seqs:
            seqs.append(seq)
    return seen


async def logged(h: Harness) -> dict[str, list[int]]:
    seen: dict[str, list[int]] = {}
    for event in await h.events():
        seen.setdefault(event.envelope.key, []).append(event.envelope.seq)
    return seen


async def test_concurrent_writers_are_published_complete_and_in_order(stack: Stack) -> None:
    chance = random.Random(1)
    async with toy(COUNTING, stack) as h, stack.own_topics() as prefix:
        keys = [new_id() for _ in range(12)]
        stop = asyncio.Event()
        relaying = asyncio.create_task(relay(h, stack, prefix).run(stop))

        async def write() -> None:
            for _ in range(25):
                await h.run(count, [Add(key, 1) for key in chance.sample(keys, 3)])

        await asyncio.gather(*(write() for _ in range(8)))
        expected = await logged(h)
        assert sum(len(seqs) for seqs in expected.values()) == 600
        await eventually(lambda: _nothing_unpublished(h), within_s=20)
        stop.set()
        await relaying
        assert await published(stack, prefix) == expected


async def test_relay_that_dies_before_its_cursor_moves_repeats_and_never_skips(stack: Stack) -> None:
    class Interrupted(Relay):
        async def _advance(self, found: Any) -> None:
            raise ConnectionResetError

    async with toy(COUNTING, stack) as h, stack.own_topics() as prefix:
        key = new_id()
        await h.run(count, [Add(key, n) for n in range(5)])
        dying = Interrupted(
            h.app.engine,
            service="counting",
            instance="a",
            bootstrap=[stack.kafka_bootstrap],
            prefix=prefix,
            catalogue=COUNTING.catalogue,
        )
        with pytest.raises(ConnectionResetError):
            await dying.publish_once()
        await dying.close()
        heir = relay(h, stack, prefix, "b")
        assert await heir.publish_once() == 5
        await heir.close()
        assert await published(stack, prefix) == {str(key): [1, 2, 3, 4, 5]}


async def test_two_relays_share_the_buckets_and_one_takes_over_when_the_other_goes(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, stack.own_topics() as prefix:
        one, other = relay(h, stack, prefix, "a"), relay(h, stack, prefix, "b")
        await one.publish_once()
        assert one.buckets == 16
        stop_one, stop_other = asyncio.Event(), asyncio.Event()
        running = [asyncio.create_task(one.run(stop_one)), asyncio.create_task(other.run(stop_other))]
        await eventually(lambda: (one.buckets, other.buckets) == (8, 8), within_s=8, what="equal shares")
        stop_one.set()
        await eventually(lambda: other.buckets == 16, within_s=8, what="taken over")
        await h.run(count, [Add(new_id(), 1) for _ in range(40)])
        await eventually(lambda: _nothing_unpublished(h), within_s=10)
        stop_other.set()
        await asyncio.gather(*running)


async def test_woken_zombie_moves_no_cursor(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, stack.own_topics() as prefix:
        await h.run(count, [Add(new_id(), 1)])
        zombie = relay(h, stack, prefix, "zombie")
        await zombie.publish_once()
        await h.run(count, [Add(new_id(), 1)])
        async with h.app.engine.begin() as conn:
            await conn.execute(
                sa.text("UPDATE relay_cursors SET lease_token = gen_random_uuid(), lease_holder = 'heir'")
            )
        assert await zombie.publish_once() == 0, "reads nothing without its token"
        assert not await _nothing_unpublished(h)
        await zombie.close()


async def test_cursor_of_another_server_stops_the_relay_until_rebase(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, stack.own_topics() as prefix:
        keys = [new_id() for _ in range(20)]
        await h.run(count, [Add(key, 1) for key in keys])
        first = relay(h, stack, prefix)
        await first.publish_once()
        await first.close()
        await h.run(count, [Add(key, 2) for key in keys])  # unpublished when the dump is taken
        async with h.app.engine.begin() as conn:  # as restored into a new server: cursors far ahead of its ids
            await conn.execute(sa.text("UPDATE relay_cursors SET system_identifier = 1"))
        with pytest.raises(ForeignCursor):
            await relay(h, stack, prefix, "restored").publish_once()
        producer: AIOKafkaProducer = make_producer([stack.kafka_bootstrap], client_id="rebase")
        await producer.start()
        try:
            sent = await rebase(h.app.engine, producer, service="counting", prefix=prefix, catalogue=COUNTING.catalogue)
        finally:
            await producer.stop()
        assert sent == 20
        await h.run(count, [Add(key, 3) for key in keys])
        after = relay(h, stack, prefix, "after")
        await after.publish_once()
        await after.close()
        assert await published(stack, prefix) == {str(key): [1, 2, 3] for key in keys}


async def _nothing_unpublished(h: Harness) -> bool:
    async with h.app.read() as conn:
        return bool((await conn.execute(UNPUBLISHED)).one().rows == 0)
