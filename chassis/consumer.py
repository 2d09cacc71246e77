"""Consumers: what becomes of the records of one poll; it is transactions one after another, in two lanes that share no key.

Read, fetch the persons' keys, decode, apply in one transaction, commit offsets: in that order, so nothing is ever acknowledged before it took
effect. Outages are waited out inside the handler with nothing committed; a record that is no event of ours is dead-lettered before it is passed
over; an item whose handler raises is alone by then (`Batches`), tried ATTEMPTS times, and parked.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from chassis import faults, records
from chassis.batches import Batches, Broken
from chassis.fuse import Fuse
from chassis.inbox import BEHIND, GAP, SEEN_BEFORE, Applying
from chassis.lanes import all_of, divided
from chassis.outcomes import Done, Failed, NotYet
from chassis.privacy.keys import KeyRing
from chassis.privacy.sealing import KeyUnavailable
from chassis.reader import PATIENCE_S, Reader
from chassis.records import Bad, Incoming, Outcome, Read, Received, Record
from chassis.telemetry import log, metrics, span
from chassis.transaction import Tx, UseCase
from contracts.event import Catalogue, Event

T = TypeVar("T")

ATTEMPTS = 5


@dataclass(frozen=True)
class Subscription:
    """A topic (without prefix), the event types handled, and the use case that handles a batch of them. Other types only move `progress`."""

    topic: str
    handler: UseCase[Received, Outcome]
    types: frozenset[type[Event]]

    @property
    def handled(self) -> frozenset[str]:
        return frozenset(event.type for event in self.types)


class LetterBox(Protocol):
    async def send(self, letters: list[Bad]) -> None:
        """Returns once every letter is durable; raises when it is not: then no offset may move."""


class Consumer(Reader):
    """Reads, decodes and applies the events of one subscription."""

    def __init__(
        self,
        subscription: Subscription,
        *,
        service: str,
        catalogue: Catalogue,
        batches: Batches,
        keys: KeyRing,
        letters: LetterBox,
        patience_s: float = PATIENCE_S,
    ) -> None:
        super().__init__(subscription.topic, service=service, patience_s=patience_s)
        self.subscription = subscription
        self._catalogue, self._batches, self._keys, self._letters = catalogue, batches, keys, letters
        self._fuse = Fuse()

    def work(self, found: Sequence[Record]) -> Callable[[], Awaitable[None]]:
        """Every record ends applied, seen, parked or dead-lettered."""
        lanes = divided(found)

        async def settle() -> None:
            await all_of(self._through(lane) for lane in lanes)

        return settle

    async def _through(self, lane: deque[list[Record]]) -> None:
        """Part after part; what is settled leaves the lane, so a lane that failed goes on where it stood."""
        while lane:
            await self._settle(lane[0])
            lane.popleft()

    async def _settle(self, found: Sequence[Record]) -> None:
        """What is no event of ours becomes a dead letter, then the rest is applied in one transaction."""
        read = await self.read(found)
        bad = [item for item in read if isinstance(item, Bad)]
        if bad:
            self._fuse.foresee([isinstance(item, Bad) for item in read])
            await self._letters.send(bad)
            metrics.CONSUMED.labels(self.topic, "dead_letter").inc(len(bad))
        faults.point("P1", self.topic)
        outcomes = iter(await self._apply([item for item in read if isinstance(item, Incoming)]))
        for item in read:
            outcome = Failed("dead_letter") if isinstance(item, Bad) else next(outcomes)
            if _is_verdict(outcome):
                self._fuse.record(failed=isinstance(outcome, Failed))

    async def read(self, found: Sequence[Record]) -> list[Incoming | Bad]:
        """Envelopes checked, the persons' keys fetched in bulk, payloads decoded once; in the order given. Raises Unavailable."""
        reads = self._envelopes(found)
        await self._fetch_keys(reads)
        handled = self.subscription.handled
        return [r if isinstance(r, Bad) else self._decoded(r, handled) for r in reads]

    async def fetch_keys(self, found: Sequence[Record]) -> None:
        """Has the keys at hand that reading these records will need. Raises Unavailable."""
        await self._fetch_keys(self._envelopes(found))

    def _envelopes(self, found: Sequence[Record]) -> list[Read | Bad]:
        return [records.read(record, self._catalogue, self.topic) for record in found]

    async def _fetch_keys(self, reads: Sequence[Read | Bad]) -> None:
        handled = self.subscription.handled
        await self._keys.fetch(
            records.subjects_in(r.value for r in reads if isinstance(r, Read) and r.envelope.type in handled)
        )

    def _decoded(self, item: Read, handled: frozenset[str]) -> Incoming | Bad:
        try:
            return records.decode(item, self._catalogue, handled, self._keys.cache)
        except KeyUnavailable:
            raise
        except Exception as error:  # settles: an upcaster's bug, say; the key parks, its neighbours flow
            log.error(
                "undecodable",
                type=item.envelope.type,
                error=type(error).__name__,
                exc_info=error,
                runbook="docs/operations.md#unexpected-errors",
            )
            return Incoming(item.record, item.envelope, item.value, None, "invalid")

    @property
    def streams(self) -> list[str]:
        """The streams that come through this subscription's topic."""
        return [stream for stream in self._catalogue.topics if self.owns(stream)]

    def owns(self, stream: str) -> bool:
        """Whether events of this stream come through this subscription's topic."""
        return self._catalogue.topics.get(stream) == self.topic

    async def _apply(self, items: list[Incoming]) -> list[Outcome]:
        if not items:
            return []
        with span(f"{self.service} consume {self.topic}", links=[item.envelope.traceparent for item in items]):
            outcomes = await self.apply(items)
        counts: dict[str, int] = {}
        for item, outcome in zip(items, outcomes, strict=True):
            name = _named(item, outcome)
            counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            metrics.CONSUMED.labels(self.topic, name).inc(count)
        log.info("batch_applied", topic=self.topic, records=len(items), **counts)
        return outcomes

    async def apply(self, items: Sequence[Incoming]) -> list[Outcome]:
        """Applies or parks every item; durable when it returns. Raises Unavailable."""
        applying = Applying(self.subscription.handler, name=f"{self.service}.{self.topic}")
        outcomes = await self._batches.run(applying, items)
        return [
            await self._insist(item, outcome.error) if isinstance(outcome, Broken) else outcome
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    async def _insist(self, item: Incoming, error: Exception) -> Outcome:
        """An item that raised gets its remaining attempts alone, then parks its key."""
        for attempt in range(1, ATTEMPTS):
            if not self.draining.is_set():
                await asyncio.sleep(0.01 * 2**attempt)
            applying = Applying(self.subscription.handler, name=f"{self.service}.{self.topic}")
            (outcome,) = await self._batches.run(applying, [item])
            if not isinstance(outcome, Broken):
                return outcome
            error = outcome.error
        parking = Applying(give_up, name=f"{self.service}.{self.topic}.park")
        (outcome,) = await self._batches.run(parking, [item])
        if isinstance(outcome, Broken):
            raise outcome.error
        log.error(
            "key_parked",
            topic=self.topic,
            event_id=str(item.envelope.event_id),
            error=type(error).__name__,
            runbook="docs/operations.md#parked-keys",
        )
        return outcome


_FOLLOWERS = frozenset({BEHIND, GAP})
"""Parked because of another event: no verdict on the event itself."""


def _is_verdict(outcome: Outcome) -> bool:
    """Whether an outcome tells anything of the event or of this build: repeats, waits and followers do not."""
    if outcome is SEEN_BEFORE or isinstance(outcome, NotYet):
        return False
    return not (isinstance(outcome, Failed) and outcome.reason in _FOLLOWERS)


def _named(item: Incoming, outcome: Outcome) -> str:
    if outcome is SEEN_BEFORE:
        return "seen"
    if isinstance(outcome, Done):
        return "applied" if item.event is not None else "unhandled"
    return "parked"


async def give_up(tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
    """The handler that parks what no handler could deal with."""
    return [Failed("failed") for _ in items]
