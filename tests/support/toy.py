"""Two toy services for the chassis' own tests: `counting` accepts numbers over its door, `totals` follows it over Kafka and writes its own events.

What a number does to the reader: 97 raises, 98 fails for business reasons, 99 is not yet possible until `patience` is empty.
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, model_validator
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from chassis import migrate, rows
from chassis.consumer import Subscription
from chassis.database import async_url
from chassis.deadletters import TOPIC as DEAD_LETTERS
from chassis.http import Principal, allow, answer, body, meta
from chassis.ids import new_id
from chassis.migrations.versions import chassis_0001, chassis_0002
from chassis.outcomes import Accepted, Done, Failed, NotYet
from chassis.privacy.vault import Vault
from chassis.problems import ProblemType, Rejected
from chassis.process import Process
from chassis.records import Outcome, Received
from chassis.service import App, Composition, Service
from chassis.timers import Due, Timer, backed_off
from chassis.transaction import Meta, Projection, Recorded, Scope, Tx
from contracts.event import Catalogue, Event
from contracts.reads import PersonalDataRead
from contracts.sealed import Personal, Sealed
from contracts.values import Count
from deploy import topics
from deploy.topics import Topic
from tests.support.clock import FakeClock
from tests.support.service import Harness, settings_for
from tests.support.stack import Stack


class Note(Personal):
    text: str


class Counted(Event, stream="counters"):
    validations: ClassVar[int] = 0

    counter_id: UUID
    by: Count
    note: Sealed[Note] | None = None

    @model_validator(mode="before")
    @classmethod
    def _count_validations(cls, data: object) -> object:
        cls.validations += 1
        return data


class Totalled(Event, stream="totals"):
    counter_id: UUID
    by: Count


CATALOGUE = Catalogue(
    [Counted, Totalled, PersonalDataRead],
    topics={"counters": "participants", "totals": "claims", "reads-counting": "claims", "reads-totals": "claims"},
    owners={"counters": "counting", "totals": "totals", "reads-counting": "counting", "reads-totals": "totals"},
)
NEGATIVE = ProblemType("negative", 422, "Angka harus positif.", "The number must be positive.")

metadata = sa.MetaData()
counters = sa.Table(
    "counters",
    metadata,
    sa.Column("id", sa.UUID, primary_key=True),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False),
)
notes = sa.Table(
    "notes",
    metadata,
    sa.Column("id", sa.UUID, primary_key=True),
    sa.Column("text", sa.LargeBinary),
)


@dataclass(frozen=True)
class Add:
    """With a `note` the counter is a new person, who is told something private."""

    counter_id: UUID
    by: int
    note: str | None = None
    meta: Meta = field(default_factory=lambda: Meta("tests", new_id()))


async def count(tx: Tx, items: Sequence[Add], /) -> list[Accepted | Rejected]:
    await tx.heads("counters", {item.counter_id for item in items})
    outcomes: list[Accepted | Rejected] = []
    for item in items:
        if item.by == 666:
            raise ArithmeticError("a poison item")
        if item.by < 0:
            outcomes.append(Rejected(NEGATIVE, field="by"))
            continue
        event = Counted(counter_id=item.counter_id, by=item.by, note=_sealed(tx, item))
        recorded = tx.record(event, key=item.counter_id, meta=item.meta, scope=Scope(), rules="toy/1")
        outcomes.append(Accepted({"counter_id": str(item.counter_id), "seq": recorded.envelope.seq}))
    return outcomes


def _sealed(tx: Tx, item: Add) -> Sealed[Note] | None:
    if item.note is None:
        return None
    tx.new_person(item.counter_id)
    return Sealed(item.counter_id, Note(text=item.note))


async def count_after_writing(tx: Tx, items: Sequence[Add], /) -> list[Accepted | Rejected]:
    await tx.conn.execute(sa.text("INSERT INTO counters (id, total, events) VALUES (gen_random_uuid(), 0, 0)"))
    return await count(tx, items)


def projection(vault: Vault) -> Projection:
    async def project(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
        totals: dict[UUID, list[int]] = {}
        for recorded in events:
            event = recorded.event
            if isinstance(event, PersonalDataRead):
                continue
            assert isinstance(event, Counted | Totalled)
            totals.setdefault(event.counter_id, []).append(event.by)
        await rows.add(
            conn,
            counters,
            [{"id": key, "total": sum(numbers), "events": len(numbers)} for key, numbers in totals.items()],
            columns=("total", "events"),
        )
        told = [(e.event.counter_id, e.event.note) for e in events if isinstance(e.event, Counted) and e.event.note]
        await rows.upsert(
            conn,
            notes,
            [{"id": i, "text": vault.seal("notes", "text", i, n.value.text if n.value else None)} for i, n in told],
        )

    return project


async def _uneven(conn: AsyncConnection, now: datetime, limit: int) -> list[str]:
    key = sa.cast(counters.c.id, sa.Text)
    query = (
        sa.select(key)
        .where(counters.c.total % 10 != 0, ~backed_off("round_up", key, now))
        .order_by(counters.c.id)
        .limit(limit)
    )
    return [row[0] for row in await conn.execute(query)]


async def round_up(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """Brings counters to the next ten. A total of 7 is refused, 8 breaks, 9 is not yet possible."""
    await tx.heads("counters", [item.key for item in items])
    query = sa.select(counters.c.id, counters.c.total).where(
        rows.matching(counters.c.id, [UUID(item.key) for item in items])
    )
    found = {str(row.id): row.total for row in await tx.conn.execute(query)}
    return [_rounded(tx, item, found[item.key]) for item in items]


def _rounded(tx: Tx, item: Due, total: int) -> Outcome:
    match total:
        case 7:
            return Failed("unlucky_number")
        case 8:
            raise ArithmeticError("a poison row")
        case 9:
            return NotYet("patience")
    if missing := -total % 10:
        event = Counted(counter_id=UUID(item.key), by=missing)
        tx.record(event, key=item.key, meta=item.meta, scope=Scope(), rules="toy/1")
    return Done()


class AddForm(BaseModel):
    counter_id: UUID
    by: int


def _compose_counting(app: App) -> Composition:
    door = app.command_door(count)
    routes = APIRouter()

    @routes.post("/counters")
    async def add(request: Request, who: Annotated[Principal, Depends(allow("officer"))], times: int = 1) -> Response:
        form = await body(request, AddForm)
        return await answer(request, who, door, Add(form.counter_id, form.by * times, meta=meta(request, who)))

    return Composition(routers=[routes])


COUNTING = Service(
    name="counting",
    catalogue=CATALOGUE,
    tables=(counters, notes),
    personal={"notes": ("text",)},
    projection=projection,
    compose=_compose_counting,
    keeps_person_keys=True,
)
ROUNDING = replace(
    COUNTING, compose=lambda app: Composition(timers=[Timer("round_up", _uneven, round_up, every_s=0.05)])
)
"""As COUNTING, with the timer instead of the API."""


class Following:
    """The reader's handler; `patience` holds the counters for which 99 is not yet possible."""

    def __init__(self) -> None:
        self.patience: set[UUID] = set()
        self.broken = True
        self.handled: list[tuple[UUID, int]] = []

    async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        await tx.heads("totals", {item.envelope.key for item in items})
        return [self._one(tx, item) for item in items]

    def _one(self, tx: Tx, item: Received) -> Outcome:
        event = item.event
        assert isinstance(event, Counted)
        if event.by == 97 and self.broken:
            raise ArithmeticError("a poison event")
        if event.by == 98 and self.broken:
            return Failed("unlucky_number")
        if event.by == 99 and event.counter_id in self.patience:
            return NotYet("patience")
        totalled = Totalled(counter_id=event.counter_id, by=event.by)
        tx.record(totalled, key=item.envelope.key, meta=item.meta, scope=item.scope, rules="toy/1")
        return Done()


def totals(handler: Following) -> Service:
    """The reading service around one handler."""

    def compose(app: App) -> Composition:
        return Composition(subscriptions=[Subscription("participants", handler, frozenset({Counted}))])

    return Service(
        name="totals", catalogue=CATALOGUE, tables=(counters,), personal={}, projection=projection, compose=compose
    )


@asynccontextmanager
async def toy_topics(stack: Stack, *names: str) -> AsyncIterator[str]:
    """The toys' topics with a few partitions each, under a prefix of their own; gives the prefix with its dot."""
    prefix = f"{stack.own_name()}."
    wanted = names or ("participants", "claims", DEAD_LETTERS)
    own = [Topic(prefix + name, 4, {"cleanup.policy": "delete"}) for name in wanted]
    await topics.ensure(stack.kafka_bootstrap, own)
    try:
        yield prefix
    finally:
        await topics.delete(stack.kafka_bootstrap, own)


@asynccontextmanager
async def toy_database(stack: Stack) -> AsyncIterator[str]:
    """A database with the chassis' tables and the toy's, a copy of one made once per server; gives its URL (owner)."""
    name = stack.own_name("test_toy_")
    async with stack.admin() as admin:
        template = await _template(stack, admin)
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield stack.admin_of(name)
    finally:
        async with stack.admin() as admin:
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _template(stack: Stack, admin: asyncpg.Connection[asyncpg.Record]) -> str:
    """The name of the database to copy, made by whoever needs it first."""
    content = [
        inspect.getsource(chassis_0001),
        inspect.getsource(chassis_0002),
        inspect.getsource(_fill),
        repr([column for table in metadata.sorted_tables for column in table.c]),
    ]
    name = f"template_toy_{hashlib.sha256(repr(content).encode()).hexdigest()[:12]}"
    await admin.execute("SELECT pg_advisory_lock(hashtext($1))", name)
    try:
        if not await admin.fetchval("SELECT datistemplate FROM pg_database WHERE datname = $1", name):
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            await admin.execute(f'CREATE DATABASE "{name}"')
            await _fill(stack.admin_of(name))
            await admin.execute(f'ALTER DATABASE "{name}" IS_TEMPLATE true')
    finally:
        await admin.execute("SELECT pg_advisory_unlock(hashtext($1))", name)
    return name


async def _fill(url: str) -> None:
    engine = create_async_engine(async_url(url))
    async with engine.begin() as conn:
        await conn.run_sync(migrate.upgrade_chassis)
        await conn.run_sync(metadata.create_all)
        await conn.execute(sa.text("CREATE SCHEMA shadow"))
        await conn.execute(sa.text("CREATE SCHEMA scratch"))
    await engine.dispose()


@asynccontextmanager
async def toy(service: Service, stack: Stack, **settings: object) -> AsyncIterator[Harness]:
    """A harness around a toy service."""
    clock = FakeClock()
    async with toy_database(stack) as url:
        app = App(service, settings_for(service, url, **settings), clock=clock)
        h = Harness(service, app, clock)
        try:
            yield h
        finally:
            await h.client.aclose()
            await app.close()


@asynccontextmanager
async def running(process: Process) -> AsyncIterator[Process]:
    """The roles of a process without its HTTP server, in this event loop."""
    tasks = {name: task for name, task in process.tasks().items() if name != "http"}
    running = [asyncio.create_task(task(process.stop), name=name) for name, task in tasks.items()]
    try:
        yield process
    finally:
        process.stop.set()
        await asyncio.wait_for(asyncio.gather(*running), 60)
