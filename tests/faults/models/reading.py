"""Reader and parking in memory: the real `Consumer`, `Batches`, `Applying`, `Retrying`, `Parking`, over places and parked events in dictionaries.

A transaction is what it means to them: it loads copies, and its writes take effect together or, when a place has moved meanwhile, not at all.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
import structlog

from chassis import inbox, retrying
from chassis.batches import Batches, Rerun
from chassis.consumer import Consumer, Subscription
from chassis.inbox import Place
from chassis.outcomes import Done, Failed, NotYet
from chassis.parking import CLAIMED_S, Parking, Ripe
from chassis.privacy.keys import KeyRing
from chassis.records import Incoming, Outcome, Received, Record
from chassis.transaction import Tx
from tests.faults.models.virtual import VirtualClock, now
from tests.support.service import Letters
from tests.support.toy import CATALOGUE, Counted

Key = tuple[str, str]


class Inbox:
    """What a reader's database holds. `effects`: per key, the event ids that took effect, in order."""

    def __init__(self, chance: random.Random) -> None:
        self.places: dict[Key, Place] = {}
        self.parked: dict[tuple[str, str, int, UUID], Record] = {}
        self.effects: dict[str, list[UUID]] = {}
        self.chance = chance

    async def pause(self) -> None:
        await asyncio.sleep(self.chance.random() * 0.004)


class Transaction:
    """`tx.conn` and `tx` at once: what the model's loads and writes go through."""

    def __init__(self, inbox_: Inbox, clock: VirtualClock) -> None:
        self.inbox, self.conn, self.wall = inbox_, self, clock.wall()
        self.writes: list[Any] = []
        self.changed: list[Place] = []
        self.parked: list[Incoming] = []
        self.gone: list[Incoming] = []
        self.applied: list[tuple[str, UUID]] = []

    def defer(self, write: Any) -> None:
        self.writes.append(write)

    def commit(self) -> None:
        """All of it, or Rerun."""
        known = self.inbox.places
        if any(
            (known[p.stream, p.key].revision if (p.stream, p.key) in known else 0) != p.revision for p in self.changed
        ):
            raise Rerun
        for place in self.changed:
            known[place.stream, place.key] = replace(place, revision=place.revision + 1, changed=False)
        for item in self.gone:
            self.inbox.parked.pop(_place_of(item), None)
        self.inbox.parked.update({_place_of(item): item.record for item in self.parked})
        for key, event_id in self.applied:
            self.inbox.effects.setdefault(key, []).append(event_id)


class MemoryBatches(Batches):
    """Runs, re-runs and splits as the real one does."""

    def __init__(self, inbox_: Inbox) -> None:
        self._inbox, self._virtual = inbox_, VirtualClock()

    async def _transaction(self, use_case: Any, items: Sequence[Any]) -> Sequence[Any]:
        tx = Transaction(self._inbox, self._virtual)
        outcomes: Sequence[Any] = await use_case(tx, items)
        for write in tx.writes:
            await write(tx)
        await self._inbox.pause()
        tx.commit()
        return outcomes


async def load(conn: Transaction, items: Sequence[Incoming]) -> tuple[dict[Key, Place], datetime]:
    """Stands in for inbox.load."""
    await conn.inbox.pause()
    keys = {(item.envelope.stream, item.envelope.key) for item in items}
    places = {key: replace(conn.inbox.places[key]) if key in conn.inbox.places else Place(*key) for key in keys}
    return places, conn.wall


async def store(conn: Transaction, places: Iterable[Place], parked: Sequence[Incoming]) -> None:
    """Stands in for inbox.store."""
    conn.changed += [place for place in places if place.changed]
    conn.parked += parked


async def others(conn: Transaction, places: Collection[Place], items: Sequence[Incoming]) -> dict[Key, bool]:
    """Stands in for retrying._others."""
    given = {_place_of(item) for item in items}
    beside = [parked for parked in conn.inbox.parked if parked not in given]
    found = {(p.stream, p.key): [seq for *key, seq, _ in beside if key == [p.stream, p.key]] for p in places}
    return {(p.stream, p.key): p.seq + 1 in found[p.stream, p.key] for p in places if found[p.stream, p.key]}


def drop_later(tx: Transaction, gone: Sequence[Incoming]) -> None:
    """Stands in for retrying._drop_later."""
    tx.gone += gone


def _place_of(item: Incoming) -> tuple[str, str, int, UUID]:
    envelope = item.envelope
    return envelope.stream, envelope.key, envelope.seq, envelope.event_id


class Handler:
    """Lets each event take effect. While `broken`, some raise, some fail, and some need a fact that has not come."""

    def __init__(self) -> None:
        self.broken = True

    async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        outcomes = [self._one(item) for item in items]
        done = [item for item, outcome in zip(items, outcomes, strict=True) if isinstance(outcome, Done)]
        tx.applied += [(i.envelope.key, i.envelope.event_id) for i in done]  # type: ignore[attr-defined]
        return outcomes

    def _one(self, item: Received) -> Outcome:
        assert isinstance(item.event, Counted)
        if self.broken and item.event.by == 97:
            raise ArithmeticError("a poison event")
        if self.broken and item.event.by in (98, 99):
            return Failed("unlucky_number") if item.event.by == 98 else NotYet("patience")
        return Done()


class MemoryParking(Parking):
    """The parking with its own statements in memory."""

    def __init__(self, inbox_: Inbox, batches: Batches, consumers: Sequence[Consumer]) -> None:
        self._inbox, self._batches, self._consumers = inbox_, batches, consumers

    async def _ripe(self) -> list[Ripe]:
        await self._inbox.pause()
        wall = VirtualClock().wall()
        places = self._inbox.places.values()
        found = [p for p in places if p.parked and p.retry_at and p.retry_at <= wall]
        for place in found:
            place.retry_at = wall + timedelta(seconds=CLAIMED_S)
        return [Ripe(p.stream, p.key, p.revision) for p in found]

    async def _events(self, ripe: Sequence[Ripe]) -> dict[Ripe, list[Record]]:
        await self._inbox.pause()
        limit = self._inbox.chance.randint(1, 4)
        return {
            one: [self._inbox.parked[p] for p in sorted(self._inbox.parked) if p[:2] == (one.stream, one.key)][:limit]
            for one in ripe
        }

    async def _free_empty(self, places: Sequence[Ripe]) -> None:
        for one in places:
            place = self._inbox.places[one.stream, one.key]
            if place.revision == one.revision:
                place.free()
                place.revision += 1

    def ask(self) -> None:
        """An operator's retry of everything that waits and can be helped."""
        for place in self._inbox.places.values():
            if place.parked and place.parked not in (inbox.GAP, inbox.CONFLICTING):
                place.retry_at, place.revision = VirtualClock().wall(), place.revision + 1


def consumer(batches: Batches, handler: Handler) -> Consumer:
    subscription = Subscription("participants", handler, frozenset({Counted}))
    keys = KeyRing(SimpleNamespace())
    return Consumer(subscription, service="totals", catalogue=CATALOGUE, batches=batches, keys=keys, letters=Letters())


def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads and writes of the model in place of the SQL, its clock, and silence."""
    stands: Mapping[tuple[Any, str], Any] = {
        (inbox, "load"): load,
        (inbox, "store"): store,
        (retrying, "_others"): others,
        (retrying, "_drop_later"): drop_later,
    }
    for (module, name), stand_in in stands.items():
        monkeypatch.setattr(module, name, stand_in)
    quiet = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for module in ("batches", "consumer", "parking", "reader", "relay"):
        monkeypatch.setattr(f"chassis.{module}.log", quiet)
    monkeypatch.setattr("chassis.relay.POLL_S", 0.1)
    for module in ("reader", "relay"):
        monkeypatch.setattr(f"chassis.{module}.time", SimpleNamespace(monotonic=now))
