"""The chassis' deterministic counters with toy services, against tests/bench/counters.json."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from chassis.idempotency import Idempotent, Keyed
from chassis.ids import new_id
from chassis.privacy.looks import Seen as Cells
from chassis.process import Process
from chassis.reads import Read, RecordReads
from chassis.relay import Relay
from chassis.tables import BUCKETS
from chassis.timers import Timers
from chassis.transaction import Meta, Scope
from tests.support.counters import Seen, ceilings, holds, watched
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import (
    COUNTING,
    ROUNDING,
    Add,
    Counted,
    Following,
    count,
    running,
    totals,
    toy,
    toy_topics,
)

SIZES = [1, 500]


def keyed(number: int) -> list[Keyed[Add]]:
    return [Keyed("tests", str(new_id()), b"hash", new_id(), Add(new_id(), 1)) for _ in range(number)]


def counted(h: Harness, number: int) -> list[Any]:
    return [h.record(Counted(counter_id=(key := new_id()), by=1), key=key) for _ in range(number)]


class TestSameForAnySize:
    @pytest.mark.parametrize("size", SIZES)
    async def test_command_batch(self, stack: Stack, size: int) -> None:
        async with toy(COUNTING, stack) as h:
            items = keyed(size)
            async with watched(h.app) as seen:
                await h.run(Idempotent(count), items)
            holds("chassis.command_batch.statements", seen.statements)
            holds("chassis.command_batch.commits", seen.commits)
            holds("chassis.event_log.changes", seen.history_changes)

    @pytest.mark.parametrize("size", SIZES)
    async def test_batch_of_reads_of_personal_data(self, stack: Stack, size: int) -> None:
        async with toy(COUNTING, stack) as h:
            cells = [Cells("notes", ("text",), (new_id(),), ())]
            items = [Read(Meta(f"a-{n}", new_id()), Scope(), ("officer",), "GET /notes", cells) for n in range(size)]
            async with watched(h.app) as seen:
                await h.run(RecordReads("reads-counting"), items)
            holds("chassis.read_batch.statements", seen.statements)
            holds("chassis.read_batch.commits", seen.commits)

    @pytest.mark.parametrize("size", SIZES)
    async def test_consumer_batch(self, stack: Stack, size: int) -> None:
        async with toy(totals(Following()), stack) as h:
            records = counted(h, size)
            before = Counted.validations
            async with watched(h.app) as seen:
                await h.deliver(*records)
            holds("chassis.consumer_batch.statements", seen.statements)
            holds("chassis.consumer_batch.commits", seen.commits)
            assert (Counted.validations - before) % size == 0
            holds("chassis.consumer_batch.validations_per_event", (Counted.validations - before) // size)
            holds("chassis.event_log.changes", seen.history_changes)

    @pytest.mark.parametrize("size", [1, 200])
    async def test_timer_batch(self, stack: Stack, size: int) -> None:
        async with toy(ROUNDING, stack) as h:
            await h.run(count, [Add(new_id(), 7 if n == 0 else 3) for n in range(size)])
            (timer,) = h.app.composition.timers
            timers = Timers(h.app.engine, h.app.batches, h.clock, [timer], service="counting")
            async with watched(h.app) as seen:
                assert await timers.fire(timer) == size
            holds("chassis.timer_batch.statements", seen.statements)
            holds("chassis.timer_batch.commits", seen.commits)

    @pytest.mark.parametrize("size", [1, 50])
    async def test_parked_retry(self, stack: Stack, size: int) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            keys = [new_id() for _ in range(size)]
            await h.deliver(*(h.record(Counted(counter_id=key, by=98), key=key) for key in keys))
            handler.broken = False
            await h._parking().retry_all()
            async with watched(h.app) as seen:
                assert await h.retry_parked() == size
            assert await h.parked() == []
            holds("chassis.parked_retry.statements", seen.statements)
            holds("chassis.parked_retry.commits", seen.commits)


class Counting(Relay):
    """Counts what it hands to the producer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent: list[bytes | None] = []

    async def _ready_producer(self) -> Any:
        producer = await super()._ready_producer()
        sent = self.sent

        class Batch:
            def __init__(self) -> None:
                self.real = producer.create_batch()
                self.close = self.real.close

            def append(self, *, key: bytes | None, **more: Any) -> Any:
                taken = self.real.append(key=key, **more)
                sent.extend([key] if taken is not None else [])
                return taken

        class Wrapped:
            partitions_for, create_batch = producer.partitions_for, Batch

            async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> Any:
                return await producer.send_batch(batch.real, topic, partition=partition)

        return Wrapped()


class Waiting(Relay):
    """Hands its batches to nobody; all are acknowledged together each time the relay has nothing left to do but wait. `waits`: how often that was."""

    waits = 0

    async def _ready_producer(self) -> Any:
        producer, held = await super()._ready_producer(), list[asyncio.Future[None]]()
        loop = asyncio.get_running_loop()

        def look(left: int, of: int) -> None:
            if len(held) != of:
                return  # it went on meanwhile: the ack that came then looks in its turn
            if left:
                loop.call_soon(look, left - 1, of)
                return
            self.waits += 1
            while held:
                held.pop().set_result(None)

        class Wrapped:
            partitions_for, create_batch = producer.partitions_for, producer.create_batch

            async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[None]:
                held.append(loop.create_future())
                loop.call_soon(look, TURNS, len(held))
                return held[-1]

        return Wrapped()


TURNS = 20
"""Of the event loop, in which a relay that has anything to do would have done it."""


@pytest.mark.parametrize("size", SIZES)
async def test_relay_waits_once_for_all_acknowledgements_of_a_batch(stack: Stack, size: int) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        relay = Waiting(
            h.app.engine,
            service="counting",
            instance="counting-0",
            bootstrap=[stack.kafka_bootstrap],
            prefix=prefix,
            catalogue=COUNTING.catalogue,
        )
        await relay.publish_once()
        await h.run(count, [Add(new_id(), 1) for _ in range(size)])
        await eventually(lambda: all_visible(h), within_s=40)
        assert await relay.publish_once() == size
        await relay.close()
    holds("chassis.relay_batch.awaits", relay.waits)


@pytest.mark.parametrize("size", SIZES)
async def test_relay_batch(stack: Stack, size: int) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        relay = Counting(
            h.app.engine,
            service="counting",
            instance="counting-0",
            bootstrap=[stack.kafka_bootstrap],
            prefix=prefix,
            catalogue=COUNTING.catalogue,
        )
        await relay.publish_once()  # takes the lease and measures
        await h.run(count, [Add(new_id(), 1) for _ in range(size)])
        await eventually(lambda: all_visible(h), within_s=40)
        relay._leased_until = relay._measure_after = float("inf")
        async with watched(h.app) as seen:
            assert await relay.publish_once() == size
        holds("chassis.relay_batch.statements", seen.statements)
        holds("chassis.relay_batch.commits", seen.commits)
        holds("chassis.event_log.changes", seen.history_changes)
        holds("chassis.relay.sends_per_event", -(-len(relay.sent) // size))
        holds("chassis.relay.sends_without_key", relay.sent.count(None))
        async with watched(h.app) as idle:
            assert await relay.publish_once() == 0
        holds("chassis.relay.idle_poll_statements", idle.statements)
        await relay.close()


async def test_offsets_are_committed_once_per_batch(stack: Stack) -> None:
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        handler = Following()
        async with toy(COUNTING, stack, **where) as writer, toy(totals(handler), stack, **where) as reader:
            process = Process(reader.app)
            async with running(Process(writer.app)), running(process):
                await eventually(lambda: process._broker is not None, within_s=30)
                (subscriber,) = process.subscribers
                client: Any = subscriber.consumer
                commits: list[object] = []
                commit = client.commit

                async def counting(offsets: object = None) -> None:
                    commits.append(offsets)
                    await commit(offsets)

                client.commit = counting
                batches = 0
                for _ in range(5):
                    async with watched(reader.app) as seen:
                        await writer.run(count, [Add(new_id(), 1) for _ in range(50)])
                        before = len(await reader.events("totals"))
                        await eventually(lambda n=before: events_above(reader, n + 49), within_s=30)  # type: ignore[misc]
                    batches += sum("UPDATE progress" in sql and "given" in sql for sql, _ in seen.sent)
                await eventually(lambda: len(commits) >= batches)
            holds("chassis.consumer_batch.offset_commits", -(-len(commits) // batches))
            assert all(commits), "exact offsets, never whatever was read so far"


async def events_above(h: Harness, number: int) -> bool:
    return len(await h.events("totals")) > number


class TestLongTables:
    """Plans of what runs all the time, over tables that are long."""

    ROWS = 20_000

    async def test_writing_and_relaying_read_no_log_from_end_to_end(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
            relay = Counting(
                h.app.engine,
                service="counting",
                instance="counting-0",
                bootstrap=[stack.kafka_bootstrap],
                prefix=prefix,
                catalogue=COUNTING.catalogue,
            )
            await relay.publish_once()
            await self._fill_log(h)
            async with watched(h.app) as seen:
                await h.run(Idempotent(count), keyed(500))
                relay._measure_after = 0
                await relay.publish_once()
            await relay.close()
            assert await no_scans(seen, "event_log")

    async def test_consuming_and_retrying_read_no_progress_from_end_to_end(self, stack: Stack) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            await self._fill_progress(h)
            parked = h.record(Counted(counter_id=(key := new_id()), by=98), key=key)
            async with watched(h.app) as seen:
                await h.deliver(parked, *counted(h, 499))
                await h.ask_retry("counters", str(key))
                await h.retry_parked()
            scans = await seen.sequential_scans({"progress", "event_log", "parked_events"})
            assert scans == []
            holds("chassis.progress.sequential_scans", len(scans))

    async def _fill_log(self, h: Harness) -> None:
        async with h.app.engine.begin() as conn:
            await conn.execute(
                sa.text(
                    "INSERT INTO event_log (event_id, stream, key, seq, bucket, type, version, rules, occurred_at,"
                    " recorded_at, actor, correlation_id, payload)"
                    " SELECT gen_random_uuid(), 'counters', CAST(gen_random_uuid() AS text), 1, n % :buckets, 'Counted', 1,"
                    " 'toy/1', now(), now(), 'tests', gen_random_uuid(), CAST('{}' AS bytea)"
                    " FROM generate_series(1, :rows) AS n"
                ),
                {"rows": self.ROWS, "buckets": BUCKETS},
            )
            await conn.execute(sa.text("ANALYZE event_log"))

    async def _fill_progress(self, h: Harness) -> None:
        async with h.app.engine.begin() as conn:
            await conn.execute(
                sa.text(
                    "INSERT INTO progress (stream, key, seq, revision, attempts)"
                    " SELECT 'counters', CAST(gen_random_uuid() AS text), 1, 1, 0 FROM generate_series(1, :rows)"
                ),
                {"rows": self.ROWS},
            )
            await conn.execute(sa.text("ANALYZE progress"))


async def no_scans(seen: Seen, table: str) -> bool:
    scans = await seen.sequential_scans({table})
    assert scans == []
    holds(f"chassis.{table}.sequential_scans", len(scans))
    return True


async def all_visible(h: Harness) -> bool:
    """No older transaction on the server hides the rows from relays."""
    query = sa.text("SELECT count(*) FROM event_log WHERE tx_id >= pg_snapshot_xmin(pg_current_snapshot())")
    async with h.app.read() as conn:
        return bool((await conn.execute(query)).scalar_one() == 0)


class TestTheCountersThemselves:
    def test_every_ceiling_is_measured_somewhere(self) -> None:
        tests = Path(__file__).parents[1]
        source = "".join(path.read_text(encoding="utf-8") for path in tests.rglob("*.py"))
        named = set(re.findall(r'"([a-z_]+\.[a-z_]+(?:\.[a-z_]+)+)"', source)) | {"chassis.event_log.sequential_scans"}
        assert set(ceilings()) <= named

    def test_count_above_its_ceiling_fails_and_below_passes(self) -> None:
        holds("chassis.command_batch.commits", 0)
        with pytest.raises(AssertionError, match="is 2, at most 1"):
            holds("chassis.command_batch.commits", 2)
        with pytest.raises(AssertionError, match="has no ceiling"):
            holds("nobody.counts.this", 0)

    async def test_planted_scan_and_planted_change_of_history_are_seen(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            await TestLongTables()._fill_log(h)
            async with watched(h.app) as seen, h.app.engine.begin() as conn:
                await conn.execute(sa.text("SELECT key FROM event_log WHERE actor = :who"), {"who": "nobody"})
                await conn.execute(sa.text("UPDATE event_log SET rules = 'x' WHERE position = 1"))
            assert len(await seen.sequential_scans({"event_log"})) == 1
            assert seen.history_changes == 1
