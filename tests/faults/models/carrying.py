"""The relay in memory: the real `Relay`, over a log, leases and a wire that are lists. Only what a statement of its means is modelled.

The log holds what is committed, in the order in which it may be read; how a database gets there is another matter (see the stepped interleavings).
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from aiokafka.errors import KafkaTimeoutError

from chassis import cursors
from chassis.cursors import Unsent
from chassis.eventlog import bucket_of
from chassis.records import Coordinates, Record
from chassis.relay import Relay
from chassis.tables import BUCKETS
from contracts.envelope import Envelope
from tests.faults.models.virtual import now
from tests.support.toy import CATALOGUE

PARTITIONS = 4


class Wire:
    """A topic. Records of one producer never overtake each other once it has taken them; one that fails takes no more."""

    def __init__(self, chance: random.Random) -> None:
        self.partitions: list[list[Record]] = [[] for _ in range(PARTITIONS)]
        self.chance = chance
        self.trouble = 0.0
        """Chance per record that its producer fails at its batch, appended or not."""

    def append(self, batch: Batch, number: int) -> None:
        log = self.partitions[number]
        for key, value, headers in batch.records:
            log.append(Record(Coordinates("participants", number, len(log)), key, value, headers))


@dataclass
class Batch:
    """Takes as many records as it has room for, and at least one."""

    room: int
    records: list[tuple[bytes, bytes, tuple[tuple[str, bytes], ...]]] = field(default_factory=list)
    closed: bool = False

    def append(self, *, timestamp: None, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> bool | None:
        if self.closed or len(self.records) == self.room:
            return None
        self.records.append((key, value, tuple(headers)))
        return True

    def close(self) -> None:
        self.closed = True


class Producer:
    """As an idempotent one: takes records while its buffers have room, and never gives up by itself."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._failed = wire, False

    def create_batch(self) -> Batch:
        return Batch(room=self._wire.chance.randint(1, 20))

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[None]:
        chance, ack = self._wire.chance, asyncio.get_running_loop().create_future()
        if chance.random() < 0.3:
            await asyncio.sleep(chance.random() * 0.01)  # another batch of the partition is on its way
        if self._failed:
            return ack  # which never comes
        if any(chance.random() < self._wire.trouble for _ in batch.records):
            self._failed = True
            if chance.random() < 0.5:
                self._wire.append(batch, partition)  # taken, and the answer got lost
            if chance.random() < 0.5:
                ack.set_exception(KafkaTimeoutError())
            return ack
        self._wire.append(batch, partition)
        asyncio.get_running_loop().call_later(chance.random() * 0.02, _acknowledge, ack)
        return ack

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(PARTITIONS))

    async def stop(self) -> None:
        if self._failed:
            await asyncio.sleep(60)  # an idempotent producer's stop may hang


def _acknowledge(ack: asyncio.Future[None]) -> None:
    if not ack.done():
        ack.set_result(None)


class Log:
    """Committed events per bucket, cursors and leases; stands in for the engine of a relay."""

    def __init__(self, chance: random.Random) -> None:
        self.rows: list[Unsent] = []
        self._of_bucket: defaultdict[int, list[Unsent]] = defaultdict(list)
        self._cursor: dict[int, int] = dict.fromkeys(range(BUCKETS), 0)
        self._lease: dict[int, tuple[UUID, float]] = {}
        self._alive: dict[str, float] = {}
        self._chance, self.stalls = chance, True

    def commit(self, envelope: Envelope, payload: bytes) -> None:
        columns = {name: value for name, value in envelope._asdict().items() if name != "source"}
        place = len(self.rows) + 1
        row = Unsent(position=place, tx=place, bucket=bucket_of(envelope.key), payload=payload, **columns)
        self.rows.append(row)
        self._of_bucket[row.bucket].append(row)

    @property
    def published(self) -> bool:
        return all(self._cursor[b] >= rows[-1].position for b, rows in self._of_bucket.items())

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Any]:
        yield self

    begin = connect

    async def execute(self, statement: Any, given: Mapping[str, Any] | None = None) -> Any:
        """One statement, at one instant, some time after it was asked for."""
        asleep = self.stalls and self._chance.random() < 0.01
        await asyncio.sleep(3 if asleep else self._chance.random() * 0.005)  # through its lease: a zombie wakes
        given = given or {}
        if statement is cursors.LEASE:
            return self._leased(given["token"], given["holder"], given["seconds"])
        if statement is cursors.READ:
            return _Rows(self._read(given))
        if statement is cursors.ADVANCE:
            self._advance(given)
        elif statement is cursors.RELEASE:
            self._alive.pop(given["holder"], None)
            self._lease = {b: held for b, held in self._lease.items() if held[0] != given["token"]}
        elif statement is cursors.OLDEST:
            return _Rows([SimpleNamespace(age=0.0, slots=[])])
        return _Rows([])

    def _leased(self, token: UUID, holder: str, seconds: float) -> list[SimpleNamespace]:
        self._alive[holder] = now() + seconds
        others = sum(1 for name, until in self._alive.items() if name != holder and until > now())
        free = [
            b
            for b in range(BUCKETS)
            if b not in self._lease or self._lease[b][1] <= now() or self._lease[b][0] == token
        ]
        own = sorted(free, key=lambda b: (self._lease.get(b, (None, 0))[0] != token, b))[: -(-BUCKETS // (others + 1))]
        held = [SimpleNamespace(held=b in self._lease and self._lease[b][0] == token) for b in own]
        self._lease = {b: mine for b, mine in self._lease.items() if mine[0] != token or b in own}
        self._lease.update(dict.fromkeys(own, (token, now() + seconds)))
        return held

    def _holds(self, bucket: int, token: UUID) -> bool:
        return bucket in self._lease and self._lease[bucket][0] == token

    def _read(self, given: Mapping[str, Any]) -> list[Unsent]:
        found: list[Unsent] = []
        sent = dict(zip(given["buckets"], given["positions"], strict=True))
        for bucket, rows in self._of_bucket.items():
            if self._holds(bucket, given["token"]) and self._lease[bucket][1] > now():
                after = max(self._cursor[bucket], sent.get(bucket, 0))
                found += [row for row in rows if row.position > after][: given["limit"]]
        return found

    def _advance(self, given: Mapping[str, Any]) -> None:
        for bucket, position in zip(given["buckets"], given["positions"], strict=True):
            if self._holds(bucket, given["token"]) and self._cursor[bucket] < position:
                self._cursor[bucket] = position


class _Rows(list[Any]):
    """As a result: `all`, `first`, `one`."""

    def all(self) -> Sequence[Any]:
        return self

    def first(self) -> Any:
        return self[0] if self else None

    def one(self) -> Any:
        return self[0]


class ModelRelay(Relay):
    """The relay with a producer onto the wire."""

    def __init__(self, log: Log, wire: Wire, name: str) -> None:
        what = {"service": "counting", "instance": name, "bootstrap": ["memory"], "prefix": "", "catalogue": CATALOGUE}
        super().__init__(log, **what)  # type: ignore[arg-type]
        self._wire = wire

    async def _ready_producer(self) -> Any:
        if self._producer is None:
            self._producer = Producer(self._wire)
        return self._producer
