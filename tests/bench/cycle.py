"""The core path as the world drives it: people register at fixed times, pay as soon as their bill is out, and are told both times.

Bills and notices are seen on the topics, as any outside system would see them; who is billed pays at once. The driver lives in
the generator's thread with a loop of its own. What really happened, and when it committed, is read from the databases afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from tests.bench import snap
from tests.bench.applications import CREATED, Applications
from tests.bench.bulk import Resident
from tests.bench.generator import Answer, Broke, OpenLoop, poisson
from tests.bench.snap import Bank

PATIENCE_S = 120.0
REGISTERING_AT_ONCE = 64
"""In a closed loop; the rest of what is in flight is on its way through the services."""


@dataclass
class Play:
    """What was sent and answered. Times are wall seconds since the epoch; `began` is the scheduled arrival."""

    people: dict[str, Resident] = field(default_factory=dict)
    arrived: dict[str, float] = field(default_factory=dict)
    registered: dict[str, float] = field(default_factory=dict)
    paid: dict[str, float] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    lateness_ms: list[float] = field(default_factory=list)
    window: tuple[float, float] = (0.0, 0.0)
    offered_per_s: float = 0.0
    drained: bool = False

    def in_window(self, participant: str) -> bool:
        """Whether this person's scheduled arrival fell into what is measured."""
        return self.window[0] <= self.arrived[participant] < self.window[1]


@dataclass(frozen=True)
class Place:
    """Where the driver finds what it needs; addresses only, so that it may be handed to another thread."""

    registration_urls: Sequence[str]
    payments_urls: Sequence[str]
    bootstrap: str
    prefix: str


class Driver:
    """Plays once. `applications` are used in order; running out of them ends the play with Broke."""

    def __init__(self, place: Place, applications: Applications, bank: Bank) -> None:
        self._place, self._applications, self._bank = place, applications, bank
        self._epoch = time.time() - time.perf_counter()
        self._asked = 0
        self._outstanding = 0
        self._sent = 0  # messages that the gateway accepted, as published
        self._early: set[str] = set()
        self._payments = OpenLoop(place.payments_urls)
        self.play = Play()

    async def paced(self, rate: float, *, warmup_s: float, measured_s: float, seed: int) -> Play:
        """Poisson arrivals at this rate, whatever becomes of the earlier ones; then until all is through."""
        schedule = poisson(rate, warmup_s + measured_s, seed)
        async with self._open() as registration:
            start = time.perf_counter() + 0.1
            self._set_window(start + warmup_s, start + warmup_s + measured_s)
            await registration.run(
                schedule,
                self._next_request,
                start=start,
                answered=self._on_registered,
                late=self.play.lateness_ms.append,
            )
            self.play.offered_per_s = rate
            await self._until_through(len(schedule))
        return self.play

    async def saturated(self, in_flight: int, *, warmup_s: float, measured_s: float) -> Play:
        """As many cycles as the system takes with so many on their way: the next begins when one ends. Raises TimeoutError when nothing moves."""
        async with self._open() as registration:
            warm = time.perf_counter() + warmup_s
            async with asyncio.timeout(warmup_s + PATIENCE_S):
                while not (time.perf_counter() >= warm and self._sent >= in_flight // 2):
                    await self._fill(
                        registration, in_flight
                    )  # the pipeline is full: what goes in has begun to come out
            start = time.perf_counter()
            self._set_window(start, start + measured_s)
            while time.perf_counter() < start + measured_s:
                await self._fill(registration, in_flight)
            await self._until_through(self._asked)
        return self.play

    async def _fill(self, registration: OpenLoop, in_flight: int) -> None:
        """Begins as many cycles as there is room for."""
        room = in_flight - (self._asked - self._sent // 2)
        for _ in range(min(room, REGISTERING_AT_ONCE - self._outstanding)):
            number, now = self._asked, time.perf_counter()
            registration.send(number, self._next_request(number), now, self._on_registered)
        await asyncio.sleep(0.002)

    def _set_window(self, first: float, last: float) -> None:
        self.play.window = first + self._epoch, last + self._epoch

    def _next_request(self, number: int) -> bytes:
        if number >= len(self._applications.requests):
            raise Broke(f"{number} applications were not enough")
        self._asked += 1
        self._outstanding += 1
        return self._applications.requests[number]

    def _on_registered(self, answer: Answer) -> None:
        self._outstanding -= 1
        if answer.status != CREATED:
            self.play.refused += 1
            return
        who = self._applications.resident(answer)
        play, one = self.play, who.participant_id
        play.people[one] = who
        play.arrived[one], play.registered[one] = answer.began + self._epoch, answer.ended + self._epoch
        if one in self._early:
            self._early.discard(one)
            self._pay(one)

    def _pay(self, one: str) -> None:
        call = self._bank.payment(self.play.people[one])
        self.play.references[call.reference] = one

        def answered(answer: Answer) -> None:
            if snap.code(answer) == snap.PAID:
                self.play.paid[one] = answer.ended + self._epoch
            else:
                self.play.refused += 1

        self._payments.send(0, call.request, time.perf_counter(), answered)

    def _on_billed(self, one: str) -> None:
        if one in self.play.people:
            self._pay(one)
        else:
            self._early.add(one)  # the bill was published before the registration's answer was read

    async def _until_through(self, registered: int) -> None:
        """Until both notices of everybody were accepted. Whoever was refused counts as through; the checks tell."""
        deadline = time.monotonic() + PATIENCE_S
        while self._sent < 2 * (registered - self.play.refused):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(0.02)
        self.play.drained = True

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[OpenLoop]:
        """Connections and the listener, for as long as the play lasts; gives the registrations' door."""
        place, ready = self._place, asyncio.Event()
        async with OpenLoop(place.registration_urls) as registration, OpenLoop(place.payments_urls) as self._payments:
            listening = asyncio.create_task(self._listen(ready), name="listener")
            waiting = asyncio.create_task(ready.wait(), name="listener-ready")
            try:
                await asyncio.wait({waiting, listening}, return_when=asyncio.FIRST_COMPLETED)
                yield registration
                if listening.done():
                    listening.result()
            finally:
                for task in (waiting, listening):
                    task.cancel()
                await asyncio.gather(waiting, listening, return_exceptions=True)

    async def _listen(self, ready: asyncio.Event) -> None:
        """Follows bills and sent messages from now on."""
        topics = [f"{self._place.prefix}{name}" for name in ("contributions", "notifications")]
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._place.bootstrap.split(","), enable_auto_commit=False, fetch_max_wait_ms=50
        )
        await consumer.start()
        try:
            await _assign(consumer, topics)
            ready.set()
            while True:
                for records in (await consumer.getmany(timeout_ms=200, max_records=1000)).values():
                    for record in records:
                        self._heard(record)
                        await asyncio.sleep(0)  # a bill is paid at once, which is dear: what is due meanwhile goes out
        finally:
            await consumer.stop()

    def _heard(self, record: Any) -> None:
        kind = next((value for name, value in record.headers if name == "ce_type"), b"")
        if kind == b"ContributionBilled":
            self._on_billed(record.key.decode())
        elif kind == b"NotificationSent":
            self._sent += 1


async def _assign(consumer: Any, topics: Sequence[str]) -> None:
    parts: list[TopicPartition] = []
    for topic in topics:
        await consumer._client.add_topic(topic)
        parts += [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(parts)
    await consumer.seek_to_end(*parts)
    for part in parts:
        await consumer.position(part)  # the end is known only once it was asked
