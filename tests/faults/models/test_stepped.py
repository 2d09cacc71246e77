"""Stepped interleavings: real commands, relay and readers on real connections, stopped at every fault point, let go on in a seeded order.

Half of the interleavings race two writers with the relay, half two readers of the same records (a zombie and its heir). Any of them may die
at any point. What is left at the end is judged by the log, the topic and the reader's own events alone.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from chassis import faults
from chassis.eventlog import bucket_of
from chassis.ids import new_id
from chassis.records import Coordinates, Record
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.models import stage
from tests.faults.models.stage import Director
from tests.faults.models.troupe import Carrier, Reader, Writer
from tests.faults.stories import facts
from tests.faults.stories.pair import Pair, pair, patiently
from tests.support.stack import Stack
from tests.support.toy import Add

KEYS, ROUNDS = 3, 12
PATIENCE_S = 20.0


@dataclass
class Play:
    """Who acts, and everything that was seen on the wire. `stalled`: the relay, left alone, did not bring all; it ends the play."""

    both: Pair
    watcher: asyncpg.Connection[asyncpg.Record]
    wire: AIOKafkaConsumer
    writers: list[Writer]
    carrier: Carrier
    readers: list[Reader]
    seen: list[ConsumerRecord[Any, Any]] = field(default_factory=list)
    kills: int = 0
    steps: int = 0
    stalled: bool = False

    async def write_and_carry(self, keys: Sequence[UUID], chance: random.Random) -> None:
        """Two writers on the same keys, and the relay between them."""
        director = Director(self.watcher, chance, kills=1)
        jobs = [
            (w, [[Add(k, 1) for k in chance.sample(keys, chance.randint(1, 2))] for _ in range(2)])
            for w in self.writers
        ]
        cast = [(w.actor, lambda w=w, batches=b: w.send(batches)) for w, b in jobs]
        await director.play([*cast, (self.carrier.actor, lambda: self.carrier.carry(ROUNDS))])
        self._count(director)

    async def carried(self, keys: Sequence[UUID]) -> list[Record]:
        """What the relay brings when it is left alone, of these keys; all of it, if it can."""
        names = {str(key) for key in keys}
        wanted = len([f for f in await facts.logged(self.both.writer, "counters") if f.key in names])

        async def all_there() -> bool:
            self.carrier.actor.off_stage(lambda: self.carrier.carry(1))
            await self._poll()
            return len({facts.of_record(r).event_id for r in self.seen if r.key.decode() in names}) >= wanted

        self.stalled = not await patiently(all_there, within_s=PATIENCE_S)
        return [_record(r) for r in self.seen if r.key.decode() in names]

    async def read_twice(self, records: Sequence[Record], chance: random.Random) -> None:
        """The same records in the hands of two readers at once."""
        director = Director(self.watcher, chance, kills=1)
        each = [random.Random(chance.random()) for _ in self.readers]
        cast = [
            (r.actor, lambda r=r, own=own: r.apply(records, own)) for r, own in zip(self.readers, each, strict=True)
        ]
        await director.play(cast)
        self._count(director)

    async def _poll(self) -> None:
        for found in (await self.wire.getmany(timeout_ms=20)).values():
            self.seen += found

    def _count(self, director: Director) -> None:
        self.kills, self.steps = self.kills + director.killed, self.steps + director.steps

    async def violations(self) -> dict[str, list[Violation]]:
        """Per invariant, of everything so far."""
        log, effects = await facts.logged(self.both.writer, "counters"), await facts.logged(self.both.reader, "totals")
        topic = [facts.of_record(record) for record in self.seen]
        carried = {fact.event_id for fact in topic}
        read = [fact for fact in log if fact.event_id in carried]
        return {
            "I1": await _unanswered(self.both, self.writers),
            "I2": [*facts.not_carried(log, topic), *facts.not_applied_once(read, effects)],
            "I6": [*facts.holes(log), *facts.out_of_order(topic), *facts.applied_out_of_order(log, effects)],
        }


@pytest.mark.timeout(3_600)
@pytest.mark.cell("stepped.all", fault="stepped", service="chassis")
async def test_no_order_of_steps_loses_doubles_or_inverts_anything(
    stack: Stack, evidence: Evidence, seed: int, scale: Scale, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: int = scale(test=200, long=10_000)
    monkeypatch.setattr(faults, "point", stage.point)
    async with playing(stack) as play:
        played = 0
        while played < wanted:
            chance = random.Random(f"{seed}-{played}")
            keys = _keys_of_one_bucket()
            await play.write_and_carry(keys, chance)
            records = await play.carried(keys)
            await play.read_twice(records, chance)
            played += 2
            if play.stalled or (played % 20 == 0 and any((await play.violations()).values())):
                break
        evidence.fired(wanted if played >= wanted else played, of=wanted if played >= wanted else played, unit="seed")
        evidence.count(interleavings=played, steps=play.steps, kills_in_steps=play.kills)
        for invariant, found in (await play.violations()).items():
            evidence.holds(invariant, checked=len(play.seen), violations=found)
        outcome = await play.both.reader.replay()
        evidence.holds(
            "I7",
            checked=outcome.events,
            violations=[facts.wrong(d.table, d.key, "live", d.kind) for d in outcome.differences],
        )


@asynccontextmanager
async def playing(stack: Stack) -> AsyncIterator[Play]:
    """The whole troupe, on two databases and one set of topics."""
    async with pair(stack) as both, _watching(stack) as watcher, _wire(stack, both.topic) as wire:
        counting, totals = both.writer.app.settings.database_url, both.reader.app.settings.database_url
        writers = [Writer.hired(stack.own_name("writer-"), counting) for _ in range(2)]
        carrier = Carrier.hired(stack.own_name("relay-"), counting, stack.kafka_bootstrap, both.prefix)
        readers = [Reader.hired(stack.own_name("reader-"), totals) for _ in range(2)]
        try:
            yield Play(both, watcher, wire, writers, carrier, readers)
        finally:
            carrier.actor.off_stage(carrier.relay.close)
            members: list[Writer | Carrier | Reader] = [*writers, carrier, *readers]
            for one in members:
                one.actor.off_stage(one.app.close)
                one.actor.close()


@asynccontextmanager
async def _watching(stack: Stack) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    async with stack.admin() as connection:
        yield connection


@asynccontextmanager
async def _wire(stack: Stack, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        await consumer._client.add_topic(topic)
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        yield consumer
    finally:
        await consumer.stop()


def _keys_of_one_bucket() -> list[UUID]:
    """Of one bucket, for a cursor is per bucket: only there can one row hide behind another."""
    keys = [new_id()]
    while len(keys) < KEYS:
        if bucket_of(str(key := new_id())) == bucket_of(str(keys[0])):
            keys.append(key)
    return keys


def _record(raw: ConsumerRecord[Any, Any]) -> Record:
    return Record(Coordinates(raw.topic, raw.partition, raw.offset), raw.key, raw.value, tuple(raw.headers))


async def _unanswered(both: Pair, writers: Sequence[Writer]) -> list[Violation]:
    """I1: every answer has its stored answer and its event, and every event an answer."""
    async with both.writer.app.read() as conn:
        stored = {row.key for row in await conn.execute(sa.text("SELECT key FROM idempotency"))}
        events = Counter(f.key for f in await facts.logged(both.writer, "counters"))
    answered = {key: told for writer in writers for key, told in writer.answered.items()}
    asked = Counter(str(counter) for counter, status in answered.values() if status == 201)
    lost = [facts.wrong("idempotency", key, "stored", "absent") for key in answered if key not in stored]
    apart = [facts.wrong("event_log", key, n, events[key]) for key, n in asked.items() if events[key] != n]
    return lost + apart
