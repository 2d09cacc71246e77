"""What a service is to the chassis, and what the chassis gives a service: the composition root of every process.

A service author needs `Service`, `Composition`, `App`, `Subscription`, `Timer` and the use-case signature of `chassis.transaction`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

import httpx
import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.attention import Concern
from chassis.batches import Batches
from chassis.clock import Clock, SystemClock
from chassis.consumer import Subscription
from chassis.database import make_engine
from chassis.door import Door
from chassis.http.commands import CommandDoor, command_door
from chassis.http.limits import Edge
from chassis.numbers import NumberBlocks
from chassis.outcomes import Accepted
from chassis.privacy.forgetting import Forgetting
from chassis.privacy.keys import KeyRing, OwnKeys, RemoteKeys
from chassis.privacy.vault import Vault
from chassis.privacy.wrap import KeyWrap
from chassis.problems import Rejected
from chassis.reader import Keep
from chassis.reads import Reads
from chassis.settings import Environment, Settings
from chassis.timers import Timer
from chassis.transaction import Projection, UseCase
from contracts.event import Catalogue, Event

C = TypeVar("C")
O = TypeVar("O")  # noqa: E741
S = TypeVar("S", bound=Settings)

Worker = Callable[[asyncio.Event], Coroutine[Any, Any, None]]
"""A long-running task of a service, until the event is set; outages are retried by the chassis."""


Clear = Callable[[AsyncConnection, Sequence[Any]], Awaitable[None]]


async def nothing_to_clear(_: AsyncConnection, __: Sequence[Any]) -> None:
    """Of a service that has nothing."""


@dataclass(frozen=True)
class Erasures:
    """By which events people are erased, for a database that was put back (chassis.restored).

    `told`: what says so to every service. `ends`: the events that end a key so. `whose_key`: the subject whose key went with one, if any.
    `clear`: clears what stands beside state and follows from no event.
    """

    told: type[Event]
    ends: Sequence[type[Event]]
    whose_key: Callable[[Event], UUID | None]
    clear: Clear = nothing_to_clear


@dataclass(frozen=True)
class Composition:
    """What a service consists of in a running process. `workers`: name → task. `keepers`: topic → who keeps its records as they are."""

    routers: Sequence[APIRouter] = ()
    subscriptions: Sequence[Subscription] = ()
    timers: Sequence[Timer] = ()
    concerns: Sequence[Concern] = ()
    workers: Mapping[str, Worker] = field(default_factory=dict)
    keepers: Mapping[str, Keep] = field(default_factory=dict)
    erasures: Erasures | None = None
    edges: Mapping[str, Edge] = field(default_factory=dict)
    """Path prefix → how refusals at the HTTP edge read there, for doors that speak a protocol of their own."""


@dataclass(frozen=True)
class Service:
    """A service as data. `tables`: its state, which is a fold of its event log; `personal`: table → encrypted columns."""

    name: str
    catalogue: Catalogue
    tables: Sequence[sa.Table]
    personal: Mapping[str, Sequence[str]]
    projection: Callable[[Vault], Projection]
    compose: Callable[[App], Composition]
    settings: type[Settings] = Settings
    keeps_person_keys: bool = False
    """True in the one service that registers people: it makes and stores their keys, and answers the others."""
    folds_key_by_key: bool = False
    """True where state comes to the same when one key's events are folded after another's, streams by name: a replay does so (decision 280)."""


class App:
    """The parts of one process of a service, wired once."""

    def __init__(self, service: Service, settings: Settings, *, clock: Clock | None = None) -> None:
        self.service, self.settings = service, settings
        self.instance = settings.instance or f"{service.name}-0"
        self.clock: Clock = clock or SystemClock(settings.clock_offset)
        self.engine, self.counters = make_engine(settings.database_url, name=self.instance)
        self._numbers_engine, _ = make_engine(settings.database_url, name=f"{self.instance}-numbers", pool_size=1)
        self.vault = Vault(settings.master_key, settings.nik_hash_key)
        self.wrap = KeyWrap(settings.master_key)
        self.outbound = httpx.AsyncClient(follow_redirects=False, timeout=5, verify=_tls())
        self.own_keys = OwnKeys(self.engine, self.wrap)
        source = self.own_keys if service.keeps_person_keys else self._remote_keys()
        self.keys = KeyRing(source)
        self.forget = Forgetting(self.keys)
        self.numbers = NumberBlocks(self._numbers_engine)
        self.batches = Batches(
            self.engine,
            service.projection(self.vault),
            service=service.name,
            catalogue=service.catalogue,
            clock=self.clock,
            person_keys=self.keys.cache,
            store_person_keys=source.store,
            check_loading=settings.environment is not Environment.PRODUCTION,
        )
        self.reads = Reads(self.batches, service.name)
        self.composition = service.compose(self)

    def door(self, use_case: UseCase[C, O]) -> Door[C, O]:
        """Group commit for one use case; answers its outcomes. For callers with an idempotency of their own (SNAP)."""
        return Door(self.batches, use_case)

    def command_door(self, use_case: UseCase[C, Accepted | Rejected]) -> CommandDoor[C]:
        """Group commit for commands under an Idempotency-Key; goes with `chassis.http.answer`."""
        return command_door(self.batches, use_case)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection to read with; nothing is ever committed on it."""
        async with self.engine.connect() as conn:
            yield conn

    async def ping(self) -> None:
        """One round trip to the database; raises when it is away."""
        async with self.engine.connect() as conn:
            await conn.execute(sa.text("SELECT 1"))

    async def close(self) -> None:
        await self.outbound.aclose()
        await self.engine.dispose()
        await self._numbers_engine.dispose()

    def _remote_keys(self) -> RemoteKeys:
        return RemoteKeys(self.outbound, self.settings.registration_url, self.settings.key_door_token)


@cache
def _tls() -> ssl.SSLContext:
    """What we trust; reading it takes as long as all else that an `App` does."""
    return httpx.create_ssl_context()


def as_settings(app: App, kind: type[S]) -> S:
    """The settings of this service, as its own type."""
    if not isinstance(app.settings, kind):
        raise TypeError(f"{app.service.name} needs {kind.__name__}")
    return app.settings
