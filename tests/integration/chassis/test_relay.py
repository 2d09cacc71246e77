"""The relay on real Kafka and PostgreSQL: nothing lost, order per key, whoever writes and however it is interrupted."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from prometheus_client import REGISTRY

from chassis.cursors import UNPUBLISHED
from chassis.ids import new_id
from chassis.producer import make_producer
from chassis.rebase import rebase
from chassis.relay import ForeignCursor, Relay
from contracts.event import Catalogue
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.topics import header, read_topic
from tests.support.toy import COUNTING, Add, count, toy, toy_topics


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
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        keys = [new_id() for _ in range(12)]
        stop = asyncio.Event()
        relaying = asyncio.create_task(relay(h, stack, prefix).run(stop))

        async def write() -> None:
            for _ in range(25):
                await h.run(count, [Add(key, 1) for key in chance.sample(keys, 3)])

        await asyncio.gather(*(write() for _ in range(8)))
        expected = await logged(h)
        assert sum(len(seqs) for seqs in expected.values()) == 600
        await eventually(lambda: nothing_unpublished(h))
        stop.set()
        await relaying
        assert await published(stack, prefix) == expected


async def test_relay_that_dies_before_its_cursor_moves_repeats_and_never_skips(stack: Stack) -> None:
    class Interrupted(Relay):
        async def _advance(self, found: Any) -> None:
            raise ConnectionResetError

    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        key = new_id()
        await write(h, *(Add(key, n) for n in range(5)))
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
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        one, other = relay(h, stack, prefix, "a"), relay(h, stack, prefix, "b")
        await one.publish_once()
        assert one.buckets == 16
        stop_one, stop_other = asyncio.Event(), asyncio.Event()
        running = [asyncio.create_task(one.run(stop_one)), asyncio.create_task(other.run(stop_other))]
        await eventually(lambda: (one.buckets, other.buckets) == (8, 8), what="equal shares")
        stop_one.set()
        await eventually(lambda: other.buckets == 16, what="taken over")
        await write(h, *(Add(new_id(), 1) for _ in range(40)))
        await eventually(lambda: nothing_unpublished(h))
        stop_other.set()
        await asyncio.gather(*running)


async def test_woken_zombie_moves_no_cursor(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        await write(h, Add(new_id(), 1))
        zombie = relay(h, stack, prefix, "zombie")
        await zombie.publish_once()
        await write(h, Add(new_id(), 1))
        async with h.app.engine.begin() as conn:
            await conn.execute(
                sa.text(
                    "UPDATE relay_cursors SET lease_token = gen_random_uuid(), lease_holder = 'heir',"
                    " lease_until = now() + interval '1 hour'"
                )
            )
        assert await zombie.publish_once() == 0, "reads nothing without its token"
        assert not await nothing_unpublished(h)
        await zombie.close()


async def test_producer_waits_for_every_replica_and_is_idempotent_without_transactions(stack: Stack) -> None:
    producer = make_producer([stack.kafka_bootstrap], client_id="t")
    assert producer._sender._acks == -1
    assert producer._txn_manager is not None, "idempotent"
    assert producer._txn_manager.transactional_id is None
    await producer.stop()


async def test_partitions_added_by_hand_stop_the_relay_before_a_key_moves(stack: Stack) -> None:
    """Fault F15: the relay went on and sent keys to other partitions than before."""
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        keys = [new_id() for _ in range(60)]
        await write(h, *(Add(key, 1) for key in keys))
        relaying = relay(h, stack, prefix)
        relaying._catalogue = Catalogue(
            COUNTING.catalogue.events,
            topics=COUNTING.catalogue.topics,
            owners=COUNTING.catalogue.owners,
            partitions=len(await partitions_of(stack, f"{prefix}participants")),
        )
        stop = asyncio.Event()
        running = asyncio.create_task(relaying.run(stop))
        await eventually(lambda: nothing_unpublished(h))
        await add_partitions(stack, f"{prefix}participants", 36)

        async def stopped() -> bool:
            await write(h, *(Add(key, 1) for key in keys))
            return relaying.stopped_because is not None

        await eventually(stopped, what="the relay notices and stops")
        await running
        assert "36 partitions" in (relaying.stopped_because or "")
        places: dict[bytes, set[int]] = {}
        for record in await read_topic(stack.kafka_bootstrap, f"{prefix}participants"):
            places.setdefault(record.key, set()).add(record.partition)
        assert {len(found) for found in places.values()} == {1}


async def partitions_of(stack: Stack, topic: str) -> list[int]:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await client.start()
    try:
        (found,) = await client.describe_topics([topic])
        return [part["partition"] for part in found["partitions"]]
    finally:
        await client.close()


async def add_partitions(stack: Stack, topic: str, total: int) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=stack.kafka_bootstrap)
    await client.start()
    try:
        await client.create_partitions({topic: NewPartitions(total_count=total)})
    finally:
        await client.close()


async def test_bucket_lent_to_another_relay_goes_on_where_that_one_left_off(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        key = new_id()
        one, other = relay(h, stack, prefix, "a"), relay(h, stack, prefix, "b")
        await write(h, Add(key, 1))
        await one.publish_once()
        await let_go(h, one)
        for n in (2, 3):
            await write(h, Add(key, n))
            await other.publish_once()
        await let_go(h, other)
        await write(h, Add(key, 4))
        assert await one.publish_once() == 1, "what it remembers of this key is out of date, and no reason to stop"
        await other.close()
        await one.close()
        assert await published(stack, prefix) == {str(key): [1, 2, 3, 4]}


async def test_lost_buckets_are_no_longer_counted_as_held(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        one = relay(h, stack, prefix)
        await one.publish_once()
        assert REGISTRY.get_sample_value("perisai_relay_buckets") == 16
        async with h.app.engine.begin() as conn:
            await conn.execute(
                sa.text(
                    "UPDATE relay_cursors SET lease_token = gen_random_uuid(), lease_until = now() + interval '1 hour'"
                )
            )
        one._leased_until = 0
        await one.publish_once()
        assert REGISTRY.get_sample_value("perisai_relay_buckets") == 0
        await one.close()


async def test_broker_that_is_away_is_told_once_and_waited_for(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        await write(h, Add(new_id(), 1))
        away = Relay(
            h.app.engine,
            service="counting",
            instance="counting-0",
            bootstrap=["127.0.0.1:1"],
            prefix=prefix,
            catalogue=COUNTING.catalogue,
        )
        retries = REGISTRY.get_sample_value("perisai_relay_retries_total") or 0
        stop = asyncio.Event()
        running = asyncio.create_task(away.run(stop))
        await eventually(lambda: (REGISTRY.get_sample_value("perisai_relay_retries_total") or 0) >= retries + 3)
        away._bootstrap = [stack.kafka_bootstrap]
        await eventually(lambda: nothing_unpublished(h))
        stop.set()
        await running
        told = capsys.readouterr().out
        assert (told.count("relay_waits"), told.count("relay_goes_on")) == (1, 1)


async def test_rows_written_between_restore_and_rebase_are_sent_too(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        keys = [new_id() for _ in range(20)]
        await write(h, *(Add(key, 1) for key in keys))
        first = relay(h, stack, prefix)
        await first.publish_once()
        await first.close()
        async with h.app.engine.begin() as conn:  # as restored: everything the old server wrote has high ids
            for table in ("event_log", "relay_cursors"):
                await conn.execute(
                    sa.text(
                        f"UPDATE {table} SET tx_id = CAST(CAST(CAST(CAST(tx_id AS text) AS bigint) + 9000000000 AS text) AS xid8)"
                    )
                )
            await conn.execute(sa.text("UPDATE relay_cursors SET system_identifier = 1"))
        await h.run(count, [Add(key, 2) for key in keys])  # the API accepted before anybody noticed
        producer = make_producer([stack.kafka_bootstrap], client_id="rebase")
        await producer.start()
        try:
            await rebase(h.app.engine, producer, service="counting", prefix=prefix, catalogue=COUNTING.catalogue)
        finally:
            await producer.stop()
        await h.run(count, [Add(key, 3) for key in keys])
        after = relay(h, stack, prefix, "after")
        sent = [await after.publish_once()]

        async def all_sent() -> bool:
            sent.append(await after.publish_once())
            return sum(sent) == 20

        await eventually(all_sent)
        await after.close()
        assert await published(stack, prefix) == {str(key): [1, 2, 3] for key in keys}


async def test_cursor_of_another_server_stops_the_relay_until_rebase(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        keys = [new_id() for _ in range(20)]
        await write(h, *(Add(key, 1) for key in keys))
        first = relay(h, stack, prefix)
        await first.publish_once()
        await first.close()
        await write(h, *(Add(key, 2) for key in keys))  # unpublished when the dump is taken
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
        await write(h, *(Add(key, 3) for key in keys))
        after = relay(h, stack, prefix, "after")
        await after.publish_once()
        await after.close()
        assert await published(stack, prefix) == {str(key): [1, 2, 3] for key in keys}


async def write(h: Harness, *adds: Add) -> None:
    """Writes and waits until no older transaction on the server, of whichever test, hides the rows from relays."""
    await h.run(count, adds)
    query = sa.text("SELECT count(*) FROM event_log WHERE tx_id >= pg_snapshot_xmin(pg_current_snapshot())")

    async def settled() -> bool:
        async with h.app.read() as conn:
            return bool((await conn.execute(query)).scalar_one() == 0)

    await eventually(settled)


async def let_go(h: Harness, held: Relay) -> None:
    """The relay's lease ran out: it was stopped for a while, or cut off."""
    async with h.app.engine.begin() as conn:
        await conn.execute(sa.text("UPDATE relay_cursors SET lease_token = NULL, lease_until = NULL"))
        await conn.execute(sa.text("DELETE FROM relay_members"))
    held._leased_until = 0


async def nothing_unpublished(h: Harness) -> bool:
    async with h.app.read() as conn:
        return bool((await conn.execute(UNPUBLISHED)).one().rows == 0)
