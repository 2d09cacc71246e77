"""The model: relay, reader and parking run for one seed after the other on a fake clock, through deaths, zombies, lost answers and poison.

The code is that of the product; what surrounds it is in memory. When all trouble is over, every event stands on the wire in order and took effect
once, in order, and nothing is parked.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from uuid import UUID

import pytest

from chassis.records import Record
from chassis.tables import BUCKETS
from contracts.envelope import Envelope
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.models import reading
from tests.faults.models.carrying import PARTITIONS, Log, ModelRelay, Wire
from tests.faults.models.reading import Handler, Inbox, MemoryBatches, MemoryParking
from tests.faults.models.virtual import BEGIN, now, run
from tests.faults.stories.facts import wrong

KEYS, PER_KEY, TROUBLE_S, DRAIN_S = 3, 5, 3.0, 400.0
STRANGE = (97, 98, 99)
WINDOWS = (1, 3 * BUCKETS)
"""Of a relay: a row of each bucket, so that it is full and the next is read meanwhile; room for several rows of a key."""


class Model:
    """One seed: two relays, two readers that take each other's partitions, and the parking."""

    def __init__(self, seed: str) -> None:
        self.chance = random.Random(seed)
        self.log, self.wire, self.inbox = Log(self.chance), Wire(self.chance), Inbox(self.chance)
        self.handler, batches = Handler(), MemoryBatches(self.inbox)
        self.reader = reading.consumer(batches, self.handler)
        self.parking = MemoryParking(self.inbox, batches, [self.reader])
        self.offsets = [0] * PARTITIONS
        self.trouble = True
        self.happened = 0

    async def play(self) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (self._write(), *(self._carry(n) for n in range(2)))]
            tasks += [group.create_task(work) for work in (*(self._read(n) for n in range(2)), self._retry())]
            await asyncio.sleep(TROUBLE_S)
            self.trouble = self.log.stalls = self.handler.broken = False
            self.wire.trouble = 0.0
            self.parking.ask()
            while not self._quiet() and now() < DRAIN_S:
                await asyncio.sleep(0.5)
                if now() % 50 < 0.5:
                    self.parking.ask()
            for task in tasks:
                task.cancel()

    def _quiet(self) -> bool:
        read = all(offset == len(log) for offset, log in zip(self.offsets, self.wire.partitions, strict=True))
        return self.log.published and read and not self.inbox.parked

    async def _write(self) -> None:
        """Events of a few keys, committed one after the other at odd times; some of them strange."""
        keys, seqs = [self._id() for _ in range(KEYS)], defaultdict[UUID, int](int)
        for key in self.chance.sample(keys * PER_KEY, KEYS * PER_KEY):
            seqs[key] += 1
            by = self.chance.choice(STRANGE) if self.chance.random() < 0.15 else 1
            self.log.commit(_envelope(self._id(), key, seqs[key]), _payload(key, by))
            await asyncio.sleep(self.chance.random() * 0.25)

    def _id(self) -> UUID:
        """Of the seed, so that a seed is one story."""
        return UUID(int=self.chance.getrandbits(128))

    async def _carry(self, number: int) -> None:
        """A relay that now and then dies without a word, or sleeps through its lease and wakes as a zombie."""
        self.wire.trouble = 0.05
        life = 0
        while True:
            stop, life = asyncio.Event(), life + 1
            one = ModelRelay(self.log, self.wire, f"relay-{number}-{life}")
            working = asyncio.create_task(one.run(stop))
            await asyncio.sleep(self.chance.uniform(0.3, 2))
            if self.trouble:
                self.happened += 1
                one.close = _nothing  # type: ignore[method-assign]  # a killed one gives nothing back
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)
            else:
                await working  # until it is cancelled

    async def _read(self, number: int) -> None:
        """Takes records of any partition from its offset on, whoever else has them in hand; sometimes dies before it acknowledges."""
        while True:
            partition = self.chance.randrange(PARTITIONS)
            begin, size = self.offsets[partition], self.chance.randint(1, 5)
            batch: list[Record] = self.wire.partitions[partition][begin : begin + size]
            if batch:
                await self.reader.consume(batch)
                if not (self.trouble and self.chance.random() < 0.1):
                    self.offsets[partition] = begin + len(batch)  # a zombie sets it back: repeats
            await asyncio.sleep(self.chance.random() * 0.1)

    async def _retry(self) -> None:
        while True:
            await self.parking.retry_ripe()
            if self.trouble and self.chance.random() < 0.05:
                self.parking.ask()
            await asyncio.sleep(0.1)

    def violations(self) -> dict[str, list[Violation]]:
        """What does not hold at the end."""
        log = {row.event_id: row for row in self.log.rows}
        wire = [record for partition in self.wire.partitions for record in partition]
        ids = [Envelope.from_headers(record.headers).event_id for record in wire]
        lost = [
            wrong("wire", row.key, f"seq {row.seq}", "absent") for row in self.log.rows if row.event_id not in {*ids}
        ]
        expected: dict[str, list[UUID]] = defaultdict(list)
        for row in self.log.rows:
            expected[row.key].append(row.event_id)
        apart = [
            wrong("effects", key, len(events), [log[i].seq for i in self.inbox.effects.get(key, [])])
            for key, events in expected.items()
            if sorted(self.inbox.effects.get(key, [])) != sorted(events)
        ]
        apart += [wrong("parked", place[1], "nothing", f"seq {place[2]}") for place in self.inbox.parked]
        turned = [
            wrong("effects", k, "in order", "inverted")
            for k, e in self.inbox.effects.items()
            if e != sorted(e, key=lambda i: log[i].seq)
        ]
        return {"I2": lost + apart, "I6": turned + self._inverted()}

    def _inverted(self) -> list[Violation]:
        found: list[Violation] = []
        last: defaultdict[str, int] = defaultdict(int)
        where: defaultdict[str, set[int]] = defaultdict(set)
        for number, partition in enumerate(self.wire.partitions):
            for record in partition:
                envelope = Envelope.from_headers(record.headers)
                where[envelope.key].add(number)
                if envelope.seq > last[envelope.key] + 1:
                    found.append(wrong("wire", envelope.key, f"seq {last[envelope.key] + 1}", f"seq {envelope.seq}"))
                last[envelope.key] = max(last[envelope.key], envelope.seq)
        return found + [wrong("wire", key, "one partition", len(p)) for key, p in where.items() if len(p) > 1]


async def _nothing() -> None:
    return None


def _envelope(event_id: UUID, key: UUID, seq: int) -> Envelope:
    return Envelope(
        event_id=event_id, source="counting", stream="counters", key=str(key), seq=seq, type="Counted", version=1, rules="toy/1",
        occurred_at=BEGIN, recorded_at=BEGIN, actor="model", correlation_id=key,
    )  # fmt: skip


def _payload(key: UUID, by: int) -> bytes:
    return b'{"counter_id":"%s","by":%d,"note":null}' % (str(key).encode(), by)


@pytest.mark.timeout(36_000)
@pytest.mark.cell("model.relay", fault="model", service="chassis")
def test_model_carries_and_applies_everything_once_and_in_order(
    evidence: Evidence, seed: int, scale: Scale, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: int = scale(test=1_000, long=100_000)
    reading.installed(monkeypatch)
    played = happened = checked = 0
    found: dict[str, list[Violation]] = {"I2": [], "I6": []}
    while played < wanted and not any(found.values()):
        monkeypatch.setattr("chassis.relay.WINDOW", WINDOWS[played % len(WINDOWS)])
        model = Model(f"{seed}-{played}")
        run(model.play())
        found, played, happened = model.violations(), played + 1, happened + model.happened
        checked += len(model.log.rows)
    evidence.fired(played, of=played if any(found.values()) else wanted, unit="seed")
    evidence.count(model_seeds=played, model_deaths=happened)
    for invariant, violations in found.items():
        evidence.holds(invariant, checked=checked, violations=violations)
