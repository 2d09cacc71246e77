"""The relay carries the event log to Kafka: in order per key, never skipping, never giving up.

Rows are read in (tx_id, position) order behind one cursor per bucket and below the oldest running writer, handed over keyed, partition by
partition and by one coroutine, to an idempotent producer, and only then does the cursor move, only forward, and only while this relay's lease token
stands. While a full window is sent the next one is read; an error or a changed lease throws it away. A relay that wakes up late can repeat rows,
never skip one; readers recognise repeats by seq. Every wait on the producer is bounded here, because an idempotent producer waits for ever, and
after a fatal error or a time-out the producer is thrown away and made anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import cursors, eventlog, faults
from chassis.cursors import Unsent
from chassis.database import is_outage
from chassis.ids import new_id
from chassis.partitions import partition_of
from chassis.producer import ACK_TIMEOUT_S, PartitionsChanged, as_declared, make_producer
from chassis.tables import BUCKETS
from chassis.telemetry import log, metrics
from contracts.event import Catalogue

POLL_S = 0.05
LEASE_S = 2
WINDOW = 2_000
"""Rows per read, over all buckets of this relay."""
REMEMBERED_KEYS = 200_000
MEASURE_EVERY_S = 1.0


class ForeignCursor(RuntimeError):
    """The cursors are of another PostgreSQL server (a restore): transaction ids mean nothing here until an operator rebases."""


class OrderBroken(RuntimeError):
    """A key's seq jumped: a row that should come first is still missing. The relay stops rather than publish out of order."""


_Place = tuple[str, int]
"""Topic and partition."""


def _last(rows: Sequence[Unsent]) -> dict[str, list[int]]:
    """How far these rows reach in each bucket, as parameters."""
    last = {row.bucket: row for row in rows}
    return {
        "buckets": list(last),
        "txs": [row.tx for row in last.values()],
        "positions": [row.position for row in last.values()],
    }


class Relay:
    """One per process with the relay role. `run` until cancelled or the event is set; `publish_once` is one step, for tests."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        service: str,
        instance: str,
        bootstrap: Sequence[str],
        prefix: str,
        catalogue: Catalogue,
    ) -> None:
        self._engine, self._service, self._instance = engine, service, instance
        self._bootstrap, self._prefix, self._catalogue = bootstrap, prefix, catalogue
        self._token: UUID = new_id()
        self._producer: AIOKafkaProducer | None = None
        self._leased_until = 0.0
        self._measure_after = 0.0
        self._more = False
        self._ahead: asyncio.Task[Sequence[Unsent]] | None = None
        """The window after the one in hand; one at most."""
        self._waiting_because: str | None = None
        self._slots: list[str] = []
        self.buckets = 0
        self._seen: dict[tuple[str, str], int] = {}
        self.stopped_because: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Relays until `stop`; outages are waited out with back-off. ForeignCursor, OrderBroken and PartitionsChanged end it."""
        pause = POLL_S
        try:
            while not stop.is_set():
                try:
                    await self.publish_once()
                    self._say_well()
                    pause = 0 if self._more else POLL_S
                except (ForeignCursor, OrderBroken, PartitionsChanged) as error:
                    self.stopped_because = str(error)
                    log.error("relay_stopped", reason=str(error), runbook="docs/operations.md#relay")
                    metrics.RELAY_STOPPED.set(1)
                    return
                except Exception as error:  # settles: sent again with a new producer
                    self._say_waits(error)
                    metrics.RELAY_RETRIES.inc()
                    await self._drop_producer()
                    pause = min(max(pause * 2, 0.1), 2.0)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
        finally:
            await self.close()

    def _say_waits(self, error: Exception) -> None:
        """Once per reason, until something was published again."""
        reason = type(error).__name__
        if reason == self._waiting_because:
            return
        self._waiting_because = reason
        if is_outage(error) or isinstance(error, KafkaError):
            log.warning("relay_waits", error=reason, runbook="docs/operations.md#relay", exc_info=error)
        else:
            log.error("relay_failed", error=reason, runbook="docs/operations.md#relay", exc_info=error)

    def _say_well(self) -> None:
        if self._waiting_because is not None:
            log.info("relay_goes_on", waited_because=self._waiting_because)
            self._waiting_because = None

    async def publish_once(self) -> int:
        """Leases, reads a window, sends it, moves the cursors. Returns how many rows were sent."""
        self._more = False
        await self._lease()
        if not self.buckets:
            return 0
        limit = max(1, WINDOW // self.buckets)
        ahead, self._ahead = self._ahead, None
        found = await (ahead or self._read(limit, ()))
        metrics.RELAY_BACKLOG.set(len(found))
        if not found:
            return 0
        faults.point("O2")
        self._more = max(Counter(row.bucket for row in found).values()) == limit
        if self._more:
            self._ahead = asyncio.create_task(self._read(limit, found))
        await self._send(found)
        faults.point("O4")
        await self._advance(found)
        return len(found)

    async def _read(self, limit: int, sent: Sequence[Unsent]) -> Sequence[Unsent]:
        """The next rows of every bucket, behind its cursor and behind what is being sent."""
        async with self._engine.connect() as conn:
            given = {"token": self._token, "limit": limit, **_last(sent)}
            found = [Unsent._make(row) for row in await conn.execute(cursors.READ, given)]
            await self._measure(conn)
        return found

    async def _forget_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)

    async def _measure(self, conn: AsyncConnection) -> None:
        """The relay's alarm: it also grows while a foreign transaction left open hides the rows from the relay itself."""
        if time.monotonic() >= self._measure_after:
            self._measure_after = time.monotonic() + MEASURE_EVERY_S
            found = (await conn.execute(cursors.OLDEST)).one()
            metrics.RELAY_UNPUBLISHED_AGE.set(float(found.age))
            self._say_slots(found.slots)

    def _say_slots(self, slots: list[str]) -> None:
        """Once per change of what is there."""
        metrics.REPLICATION_SLOTS_UNUSED.set(len(slots))
        if slots != self._slots and slots:
            log.error("replication_slot_unused", slots=slots, runbook="docs/operations.md#replication-slots")
        self._slots = slots

    async def close(self) -> None:
        """Gives the leases back, so that another relay need not wait for them to run out."""
        await self._drop_producer()
        metrics.RELAY_BUCKETS.set(0)
        with contextlib.suppress(Exception):  # settles: the lease runs out by itself
            async with self._engine.begin() as conn:  # lint: commit — plumbing of the relay itself, no decision
                await conn.execute(cursors.RELEASE, {"token": self._token, "holder": self._instance})

    async def _lease(self) -> None:
        if time.monotonic() < self._leased_until - LEASE_S / 2:
            return
        asked = time.monotonic()
        async with self._engine.begin() as conn:  # lint: commit — plumbing of the relay itself, no decision
            await conn.execute(cursors.ENSURE, {"buckets": BUCKETS})
            foreign = (await conn.execute(cursors.FOREIGN)).first()
            if foreign is not None:
                raise ForeignCursor(
                    f"cursors are of PostgreSQL system {foreign.remembered}, this is {foreign.found}:"
                    " stop the writers and run `perisai relay rebase`"
                )
            leased = await conn.execute(
                cursors.LEASE, {"token": self._token, "holder": self._instance, "buckets": BUCKETS, "seconds": LEASE_S}
            )
            held = [row.held for row in leased]
        if not all(held):
            self._seen.clear()  # another relay may have gone on with these keys meanwhile
        if not all(held) or len(held) != self.buckets:
            await self._forget_ahead()
        self.buckets = len(held)
        metrics.RELAY_BUCKETS.set(self.buckets)
        self._leased_until = asked + LEASE_S
        faults.point("O1")

    async def _send(self, found: Sequence[Unsent]) -> None:
        producer = await self._ready_producer()
        acks: list[asyncio.Future[Any]] = []
        async with asyncio.timeout(ACK_TIMEOUT_S):
            places = await self._by_partition(producer, found)
            for number, ((topic, partition), rows) in enumerate(places.items()):
                for batch in self._batches(producer, rows):
                    acks.append(await producer.send_batch(batch, topic, partition=partition))
                await asyncio.sleep(0)  # what was handed over goes out while the rest is encoded
                if number == len(places) // 2:
                    faults.point("O3")
            await asyncio.gather(*acks)
        metrics.RELAY_ROWS.inc(len(found))

    async def _by_partition(self, producer: AIOKafkaProducer, found: Sequence[Unsent]) -> dict[_Place, list[Unsent]]:
        """Where each row goes, in the order of `found`. Raises OrderBroken or PartitionsChanged, with nothing sent."""
        topics = {stream: self._prefix + self._catalogue.topics[stream] for stream in {row.stream for row in found}}
        counts = {
            stream: as_declared(len(await producer.partitions_for(topic)), self._catalogue.partitions)
            for stream, topic in topics.items()
        }
        places: defaultdict[_Place, list[Unsent]] = defaultdict(list)
        for row in found:
            self._check_order(row)
            places[topics[row.stream], partition_of(row.key.encode(), counts[row.stream])].append(row)
        return places

    def _batches(self, producer: AIOKafkaProducer, rows: Sequence[Unsent]) -> Iterator[Any]:
        """The records of one partition in batches as large as the producer makes them: half the CPU of a `send` per row.

        Closed, since nothing more comes: the producer need not linger. One partition has one batch on its way at a time, so they keep their order.
        """
        batch = producer.create_batch()
        for row in rows:
            record = {
                "timestamp": None,
                "key": row.key.encode(),
                "value": row.payload,
                "headers": eventlog.envelope_of(row, self._service).to_headers(),
            }
            if batch.append(**record) is None:  # full
                yield batch
                batch = producer.create_batch()
                batch.append(**record)  # an empty one takes any record
        batch.close()
        yield batch

    def _check_order(self, row: Unsent) -> None:
        key = (row.stream, row.key)
        last = self._seen.get(key)
        if last is not None and row.seq > last + 1:
            raise OrderBroken(f"{row.stream} {row.key}: seq {row.seq} comes after {last}")
        if len(self._seen) >= REMEMBERED_KEYS:
            self._seen.clear()
        self._seen[key] = row.seq

    async def _advance(self, found: Sequence[Unsent]) -> None:
        async with self._engine.begin() as conn:  # lint: commit — plumbing of the relay itself, no decision
            await conn.execute(cursors.ADVANCE, {"token": self._token, **_last(found)})
            faults.point("O5")
        faults.point("O6")

    async def _ready_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = make_producer(
                self._bootstrap, client_id=f"{self._instance}-relay", partitions=self._catalogue.partitions
            )
            self._producer = producer
            await asyncio.wait_for(producer.start(), ACK_TIMEOUT_S)
        return self._producer

    async def _drop_producer(self) -> None:
        await self._forget_ahead()
        self._seen.clear()  # rows not acknowledged are sent again: a step back is expected
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(
                Exception
            ):  # settles: an idempotent producer's stop may hang; its rows are sent again
                await asyncio.wait_for(producer.stop(), 2)
