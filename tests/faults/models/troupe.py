"""The actors of the stepped interleavings: writers, a relay, and readers of the toy services, each a process that may die and start again.

A caller that got no answer asks again under the same key; a reader that died gets its records again; a relay that died gives way to a new one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chassis import faults
from chassis.batches import Broken
from chassis.consumer import Consumer
from chassis.idempotency import Answer, Idempotent, Keyed
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.records import Incoming, Record
from chassis.relay import Relay
from chassis.service import App
from chassis.transaction import Tx
from tests.faults.models.stage import Actor, Killed
from tests.support.service import Letters, settings_for
from tests.support.toy import COUNTING, Add, Following, count, totals


async def counting(tx: Tx, items: Sequence[Add], /) -> list[Accepted | Rejected]:
    """`count`, with a step between what it loaded and what is written."""
    outcomes = await count(tx, items)
    faults.point("loaded")
    return outcomes


@dataclass
class Writer:
    """Sends batches of commands; `answered` is its journal: Idempotency-Key → (counter, status)."""

    actor: Actor
    app: App
    answered: dict[str, tuple[UUID, int]] = field(default_factory=dict)

    @classmethod
    def hired(cls, name: str, url: str) -> Writer:
        actor = Actor(name)
        return cls(actor, actor.off_stage(lambda: _app(COUNTING, url, name)))

    async def send(self, batches: Sequence[Sequence[Add]]) -> None:
        for batch in batches:
            items = [Keyed("agent-1", str(new_id()), b"hash", add.meta.correlation_id, add) for add in batch]
            while items:
                items = await self._once(items)

    async def _once(self, items: list[Keyed[Add]]) -> list[Keyed[Add]]:
        """What is still without an answer."""
        try:
            outcomes = await self.app.batches.run(Idempotent(counting), items)
        except Killed:
            return items
        for item, outcome in zip(items, outcomes, strict=True):
            if isinstance(outcome, Answer):
                self.answered[item.key] = (item.command.counter_id, outcome.status)
        return [item for item, outcome in zip(items, outcomes, strict=True) if isinstance(outcome, Broken)]


@dataclass
class Carrier:
    """The relay; a new one after each death."""

    actor: Actor
    app: App
    bootstrap: str
    prefix: str
    relay: Relay = field(init=False)

    def __post_init__(self) -> None:
        self.relay = self._new()

    @classmethod
    def hired(cls, name: str, url: str, bootstrap: str, prefix: str) -> Carrier:
        actor = Actor(name)
        return actor.off_stage(lambda: _carrier(cls, actor, name, url, bootstrap, prefix))  # type: ignore[no-any-return]

    def _new(self) -> Relay:
        return Relay(
            self.app.engine,
            service="counting",
            instance=self.actor.name,
            bootstrap=[self.bootstrap],
            prefix=self.prefix,
            catalogue=COUNTING.catalogue,
        )

    async def carry(self, rounds: int) -> None:
        for _ in range(rounds):
            try:
                faults.point("round")  # else it would look so often at once, while no writer can have done anything
                await self.relay.publish_once()
            except Killed:
                await self.relay.close()  # its leases run out
                self.relay = self._new()


@dataclass
class Reader:
    """Applies records in batches; those it had in hand when it died come again."""

    actor: Actor
    app: App
    consumer: Consumer

    @classmethod
    def hired(cls, name: str, url: str) -> Reader:
        actor = Actor(name)
        return actor.off_stage(lambda: _reader(cls, actor, name, url))  # type: ignore[no-any-return]

    async def apply(self, records: Sequence[Record], chance: random.Random) -> None:
        rest = list(records)
        while rest:
            size = chance.randint(1, len(rest))
            read = [item for item in await self.consumer.read(rest[:size]) if isinstance(item, Incoming)]
            try:
                await self.consumer.apply(read)
            except Killed:
                continue
            rest = rest[size:]


async def _app(service: object, url: str, name: str) -> App:
    return App(service, settings_for(service, url, instance=name))  # type: ignore[arg-type]


async def _carrier(cls: type[Carrier], actor: Actor, name: str, url: str, bootstrap: str, prefix: str) -> Carrier:
    return cls(actor, await _app(COUNTING, url, name), bootstrap, prefix)


async def _reader(cls: type[Reader], actor: Actor, name: str, url: str) -> Reader:
    app = await _app(totals(Following()), url, name)
    (subscription,) = app.composition.subscriptions
    consumer = Consumer(
        subscription,
        service="totals",
        catalogue=COUNTING.catalogue,
        batches=app.batches,
        keys=app.keys,
        letters=Letters(),
    )
    return cls(actor, app, consumer)
