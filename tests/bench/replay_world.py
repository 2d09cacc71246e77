"""What a replay is measured on: payments with so many events of its own decisions, all of them archived under a checkpoint and on a topic.

Five events per person: known, billed, paid, and a month later billed and paid again. They are decided by payments' use cases, in batches.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from chassis import eventlog
from chassis.batches import Broken
from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.problems import Rejected
from chassis.records import Coordinates, Record
from chassis.service import App, Service
from chassis.settings import Environment
from chassis.transaction import Meta, Tx, UseCase
from contracts.values import ParticipantId
from deploy.local.postgres import databases
from services.audit.app import SERVICE as AUDIT
from services.payments.app import SERVICE as PAYMENTS
from services.payments.commands.bills import IssueBill, IssueBills
from services.payments.commands.payer_book import PayerBook
from services.payments.domain.paying import Money
from services.payments.parameters import Parameters
from tests.bench import registrations, service_process
from tests.bench.rounds import NoResult
from tests.bench.servers import Database, Servers, admin
from tests.bench.service_process import KEY_DOOR_TOKEN
from tests.integration.audit.world import ORIGIN, SEED, World, environment
from tests.support import archive
from tests.support.clock import FakeClock
from tests.support.service import Harness, settings_for

T = TypeVar("T")

PER_PERSON = 5
TOPIC = "contributions"
TOGETHER = 500
_PATIENCE = "idle_in_transaction_session_timeout"
"""While it is filled: nobody runs a batch again here that a busy machine kept waiting."""
_META = Meta("bench", UUID(int=5))


@dataclass(frozen=True)
class Archived:
    """`home`: where `perisai` finds the settings of payments; `environ`: those of audit. `topic`: the same records on Kafka."""

    servers: Servers
    payments: Database
    topic: str
    events: int
    mean_bytes: float
    home: Path
    environ: dict[str, str]
    own: dict[str, str]

    def feeding(self, database: Database) -> dict[str, str]:
        """The environment of `perisai audit`, with payments on this database."""
        folder = self.home / "environments"
        folder.mkdir(parents=True, exist_ok=True)
        own = self.own | {"PERISAI_DATABASE_URL": database.writer_url}
        (folder / "payments.json").write_text(json.dumps(own), encoding="utf-8")
        return self.environ | {"PERISAI_HOME": str(self.home)}


@asynccontextmanager
async def archived(servers: Servers, *, events: int, tell: Callable[[str], None]) -> AsyncIterator[Archived]:
    """Payments with about so many events, audit that has them, registration's key door, and a topic."""
    waiting = registrations.made(events // PER_PERSON)
    async with (
        servers.database("registration") as keeper,
        servers.database("payments") as payments,
        servers.database("audit") as audit,
        servers.topics("participants", TOPIC) as prefix,
    ):
        await registrations.keep_keys(keeper.owner_url, waiting.keys)
        async with at_work(PAYMENTS, payments) as h:
            records = await decided(h, waiting)
        tell(f"payments: {len(waiting.keys):,} people billed and paid twice")
        with tempfile.TemporaryDirectory(dir=servers.folder) as folder:
            environ = await _kept(audit, records, Path(folder))
            tell(f"{len(records):,} events archived and signed")
            sent = [(one.key or b"", one.value or b"", [(n, v or b"") for n, v in one.headers]) for one in records]
            await registrations.publish(servers.bootstrap, prefix + TOPIC, sent)
            await servers.settle(payments, audit)
            door = service_process.environment(
                "registration",
                "api",
                database_url=keeper.writer_url,
                bootstrap=servers.bootstrap,
                prefix=prefix,
                port=service_process.free_port(),
            )
            async with service_process.started("registration", door, servers.folder / "key-door.log") as process:
                await service_process.until_ready(process)
                own = service_process.environment(
                    "payments",
                    "api",
                    database_url=payments.writer_url,
                    bootstrap=servers.bootstrap,
                    prefix=prefix,
                    port=0,
                    registration_url=process.url,
                )
                mean = sum(len(one.value or b"") for one in records) / len(records)
                count = len(records)
                del records, sent
                kept = {name: value for name, value in own.items() if name.startswith("PERISAI_")}
                yield Archived(
                    servers, payments, prefix + TOPIC, count, mean, Path(folder) / "home", dict(environ), kept
                )


@asynccontextmanager
async def at_work(service: Service, database: Database, **settings: object) -> AsyncIterator[Harness]:
    clock = FakeClock(datetime.now(UTC))
    more = {"environment": Environment.TEST, "key_door_token": KEY_DOOR_TOKEN, **settings}
    h = Harness(service, App(service, settings_for(service, database.writer_url, **more), clock=clock), clock)
    role = f'ALTER ROLE "{databases.role_name(service.name, "writer")}" IN DATABASE "{database.name}"'
    async with admin(database.admin_url) as connection:
        await connection.execute(f"{role} SET {_PATIENCE} = '60s'")
    try:
        yield h
    finally:
        await h.client.aclose()
        await h.app.close()
        async with admin(database.admin_url) as connection:
            await connection.execute(f"{role} RESET {_PATIENCE}")


def coming(waiting: registrations.Registrations) -> list[Record]:
    """As registration's relay sends them."""
    return [
        Record(Coordinates("perisai.participants", 0, offset), key, value, tuple(headers))
        for offset, (key, value, headers) in enumerate(waiting.records)
    ]


async def decided(h: Harness, waiting: registrations.Registrations) -> list[Record]:
    """What payments decides on them, as its relay would send it."""
    h.app.keys.cache.update(waiting.keys)
    payers = [ParticipantId(participant_id) for participant_id in waiting.keys]
    for part in _parts(coming(waiting)):
        await h.deliver(*part)
    await _done(h, pay_open_bills, payers)
    h.pass_time(days=31)
    await _done(h, IssueBills(Parameters(ttl_s=60)), [IssueBill(one, None, _META) for one in payers])
    await _done(h, pay_open_bills, payers)
    await archive.sent(h)
    async with h.app.read() as conn:
        found = await conn.execute(sa.text(f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM event_log ORDER BY position"))
        return [
            Record(
                Coordinates(f"perisai.{PAYMENTS.catalogue.topics[row.stream]}", 0, number),
                row.key.encode(),
                bytes(row.payload),
                tuple(eventlog.envelope_of(row, "payments").to_headers()),
            )
            for number, row in enumerate(found)
        ]


async def _done(h: Harness, use_case: UseCase[T, Any], items: Sequence[T]) -> None:
    for some in _parts(items):
        refused = [one for one in await h.run(use_case, some) if isinstance(one, Broken | Rejected)]
        if refused:
            raise NoResult(f"B5: payments could not be filled: {refused[0]}")


async def pay_open_bills(tx: Tx, items: Sequence[ParticipantId], /) -> list[Done]:
    """Each pays what is open, as if his bank had said so."""
    book = await PayerBook.load(tx, items)
    for one in items:
        kept = book.get(one)
        assert kept is not None and kept.payer.open_bill is not None
        bill = kept.payer.open_bill
        money = Money(
            partner="bank-contoh",
            channel="snap-va",
            channel_reference=str(new_id()),
            amount=bill.amount,
            effective_at=tx.now,
            received_at=tx.now,
        )
        book.pay(kept, bill, money, meta=_META)
    return [Done()] * len(items)


def of_audit(folder: Path) -> dict[str, Any]:
    """What audit must be told beside what every service is."""
    return {"audit_log": ORIGIN, "audit_signing_key": base64.b64encode(SEED).decode(), "audit_folder": folder / "log"}


async def _kept(database: Database, records: Sequence[Record], folder: Path) -> dict[str, str]:
    """Archived as the keeper of a topic does it, signed and written outside; gives the settings of audit."""
    async with at_work(AUDIT, database, **of_audit(folder)) as h:
        w = World(h, database.admin_url)
        for part in _parts(records):
            await w.keep(*part)
        while (await w.signer.sign()).more:
            pass  # a checkpoint has at most so many leaves
        await w.signer.publish()
        return environment(w)


def _parts(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + TOGETHER] for start in range(0, len(items), TOGETHER)]
