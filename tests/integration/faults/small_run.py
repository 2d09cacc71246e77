"""A small run for the checker's own tests: the three services on real databases and a real Kafka, in this process, a few people who register and pay.

Relays publish, consumers consume and commit their offsets, the sender sends; the journal and the bank's books are written from what was answered.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.clock import SystemClock
from chassis.consumer import Consumer
from chassis.deadletters import DeadLetters
from chassis.records import Coordinates, Record
from chassis.relay import Relay
from chassis.service import Service
from chassis.subscribing import group_of
from deploy import topics
from deploy.local import places
from deploy.local.postgres import databases
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.notifications.app import sender_of
from services.notifications.sender import Sender
from services.payments.app import SERVICE as PAYMENTS
from services.registration.app import SERVICE as REGISTRATION
from tests.faults.checker.facts import Facts, facts_from, planted_from
from tests.faults.checker.journal import read_journal
from tests.faults.checker.run import check
from tests.faults.watch import UNPUBLISHED
from tests.integration.faults.outside import PREFIX, Outside, outside
from tests.integration.faults.ways import every_way
from tests.integration.payments.bank import Bank
from tests.support.clock import START, FakeClock
from tests.support.service import NIK_HASH_KEY, Harness, harness, key_bytes
from tests.support.stack import Stack

SERVICES: dict[str, Service] = {"registration": REGISTRATION, "payments": PAYMENTS, "notifications": NOTIFICATIONS}
TOPICS = ("participants", "agency", "contributions", "incentives", "notifications", "audit")
PARTITIONS = topics.declared()[0].partitions
PRICE = 36_800
QUICK = ("I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11")
"""All that need no process of their own."""
_NUMBERS = itertools.count(1)


@dataclass
class SmallRun:
    """`people`: participant ids and contribution codes of those who paid, in the order in which they registered."""

    stack: Stack
    prefix: str
    folder: Path
    party: Outside
    harnesses: dict[str, Harness] = field(default_factory=dict)
    relays: dict[str, Relay] = field(default_factory=dict)
    readers: list[tuple[Harness, Consumer, AIOKafkaConsumer]] = field(default_factory=list)
    people: list[tuple[str, str]] = field(default_factory=list)
    niks: list[str] = field(default_factory=list)
    officer: dict[str, str] = field(default_factory=dict)
    branch_id: UUID = field(init=False)
    sender: Sender = field(init=False)
    planted: dict[str, Any] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    @property
    def log(self) -> Path:
        return self.folder / "service.log"

    def note(self, **line: Any) -> None:
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def facts(self, **changes: Any) -> Facts:
        told: dict[str, Any] = {
            "services": {name: {"reader_url": self.url(name, "reader")} for name in SERVICES},
            "kafka": {
                "bootstrap": self.stack.kafka_bootstrap,
                "prefix": self.prefix,
                "topics": TOPICS,
                "dead_letters": f"{self.prefix}dead-letters",
            },
            "groups": {
                name: [group_of(self.prefix, name, topic) for topic in h.consumers]
                for name, h in self.harnesses.items()
            },
            "bank_url": self.party.url,
            "acquirer_url": self.party.url,
            "gateway_url": self.party.url,
            "metrics_urls": [f"{self.party.url}/metrics"],
            "files": [str(self.folder / "*.log")],
            "master_keys": {name: base64.b64encode(key_bytes(name)).decode() for name in SERVICES},
            "commands": {"replay": {name: self.replay(name) for name in SERVICES}},
        }
        return facts_from(told | changes)

    def url(self, service: str, role: str) -> str:
        """The address of a service's database for one of its roles."""
        writer = self.harnesses[service].app.engine.url.render_as_string(hide_password=False)
        name = writer.rpartition("/")[2].partition("?")[0]
        return databases.Server(self.stack.admin_url).url(service, role, database=name)

    async def sql(self, service: str, statement: str, *values: Any) -> list[Any]:
        """As the owner: what nobody in the system may do."""
        connection = await asyncpg.connect(self.url(service, "owner"))
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def verdict(
        self, only: Sequence[str] = QUICK, *, planted: dict[str, Any] | None = None, **facts: Any
    ) -> dict[str, Any]:
        """What the checker says, by invariant."""
        report = await check(self.facts(**facts), read_journal(self.journal), planted_from(planted or {}), only)
        return {one["id"]: one for one in report["invariants"]}

    async def violated(self, only: Sequence[str] = QUICK, **given: Any) -> set[str]:
        return {name for name, one in (await self.verdict(only, **given)).items() if one["status"] == "fail"}

    # --- the run itself ---

    async def register(self) -> None:
        """One more person, by an officer, written into the journal."""
        n = next(_NUMBERS)
        form = _form(n)
        self.niks.append(form["nik"])
        names = ("nik", "name", "phone", "birth_place", "address")
        self.note(kind="person", person=n, values={name: form[name] for name in names})
        key = f"key-{n}"
        headers = {**self.officer, "Idempotency-Key": key}
        what = {"key": key, "actor": "officer-1", "service": "registration", "path": "/participants"}
        self.note(kind="sent", request=(request := str(_uuid(n))), creates="participants", person=n, **what)
        answer = await self.harnesses["registration"].client.post(
            "/participants", json=form, headers={**headers, "X-Correlation-Id": request}
        )
        assert answer.status_code == 201, answer.text
        body = answer.json()
        self.note(
            kind="answered",
            request=request,
            key=key,
            status=answer.status_code,
            body_sha256=hashlib.sha256(answer.content).hexdigest(),
            id=body["participant_id"],
            code=None,
            correlation_id=answer.headers["x-correlation-id"],
        )
        self.people.append((body["participant_id"], body["contribution_code"]))

    async def open_branch(self) -> None:
        h = self.harnesses["registration"]
        form = {"code": "J08", "name": "Cimone", "city": "Kota Contoh"}
        answer = await h.client.post("/branches", json=form, headers=h.token(roles=["central"]))
        assert answer.status_code == 201, answer.text
        self.branch_id = UUID(answer.json()["branch_id"])
        self.officer = h.token(roles=["officer"], subject="officer-1", branch_id=self.branch_id)

    async def newcomer(self) -> tuple[str, str]:
        """One more person who is none of `people`."""
        await self.register()
        return self.people.pop()

    async def pay(self, bank: Bank, code: str, *, amount: int = PRICE) -> None:
        """Asks and pays at the bank, which writes down what it was answered."""
        reference = f"R-{next(_NUMBERS)}"
        await bank.inquire(code, reference)
        answer = await bank.pay(code, amount, reference)
        done = answer.json()["responseCode"] == "2002500"
        self.party.held(code, reference, amount, "done" if done else "refused")

    async def settle(self) -> None:
        """Until nothing is on its way: published, consumed and committed, sent."""
        moved = True
        while moved:
            moved = False
            for name, relay in self.relays.items():
                self._share_keys(name)
                # A transaction that is open anywhere on the server hides newer rows: nothing sent is not yet nothing left.
                while await relay.publish_once() or await self._unpublished(name):
                    moved = True
            for h, consumer, kafka in self.readers:
                self._share_keys(h.service.name)
                moved = await self._consume(consumer, kafka) or moved
            while await self.sender.send_batch():
                self.harnesses["notifications"].clock.move_wall(
                    timedelta(minutes=1)
                )  # the pause after a call without answer
                moved = True

    async def _unpublished(self, name: str) -> bool:
        (row,) = await self.sql(name, UNPUBLISHED)
        return bool(row["age"])

    async def _consume(self, consumer: Consumer, kafka: AIOKafkaConsumer) -> bool:
        """What the consumer's topic holds more, in the order in which Kafka gives it; offsets are committed afterwards."""
        parts = kafka.assignment()
        ends = await kafka.end_offsets(parts)
        moved = False
        while [part for part in parts if ends[part] > await kafka.position(part)]:
            for records in (await kafka.getmany(timeout_ms=200)).values():
                await consumer.consume([_record(raw) for raw in records])
                moved = True
        if moved:
            await kafka.commit({part: ends[part] for part in parts if ends[part]})
        return moved

    def _share_keys(self, name: str) -> None:
        """What the door of registration would answer."""
        self.harnesses[name].app.keys.cache.update(self.harnesses["registration"].app.keys.cache)

    def replay(self, name: str) -> dict[str, Any]:
        """The command that replays this service, under its own settings."""
        settings = self.harnesses[name].app.settings
        return {
            "argv": [sys.executable, "-m", "deploy.cli", name, "replay", "--json"],
            "cwd": str(places.PROJECT),
            "env": {
                "PERISAI_ENVIRONMENT": "test",
                "PERISAI_DATABASE_URL": self.url(name, "writer"),
                "PERISAI_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
                "PERISAI_JWKS_URL": settings.jwks_url,
                "PERISAI_ISSUER": settings.issuer,
                "PERISAI_AUDIENCE": settings.audience,
                "PERISAI_MASTER_KEY": base64.b64encode(key_bytes(name)).decode(),
                "PERISAI_NIK_HASH_KEY": base64.b64encode(NIK_HASH_KEY).decode(),
            },
        }


def _form(n: int) -> dict[str, Any]:
    return {
        "nik": f"367104{1 + n % 28:02d}{1 + n % 12:02d}80{n:04d}",
        "name": f"Kenari Warga {n:05d}",
        "birth_place": f"Kenariloka {n:05d}",
        "birth_date": f"1980-{1 + n % 12:02d}-{1 + n % 28:02d}",
        "sex": "M",
        "phone": f"0812{10_000_000 + n}",
        "address": f"Kampung Kenari RT {n:05d}, Kota Contoh",
        "occupation": "Pedagang keliling",
        "sector": "OTHER",
        "work_place": "Kota Contoh",
        "income": 1_000_000,
        "programmes": ["JKK", "JKM", "JHT"],
        "consent": {"given": True, "text_version": "2025-01"},
    }


def _uuid(n: int) -> UUID:
    return UUID(bytes=hashlib.sha256(f"request {n}".encode()).digest()[:16])


def _record(raw: Any) -> Record:
    return Record(Coordinates(raw.topic, raw.partition, raw.offset), raw.key, raw.value, tuple(raw.headers))


@asynccontextmanager
async def small_run(stack: Stack, folder: Path, *, people: int = 6) -> AsyncIterator[SmallRun]:
    """Everybody has registered, all but two have paid (one was refused), all are told, nothing is on its way; money came in every other way too."""
    clock = FakeClock(START, SystemClock().wall())
    async with AsyncExitStack() as stays:
        prefix = await stays.enter_async_context(stack.own_topics())
        run = SmallRun(stack, prefix, folder, await stays.enter_async_context(outside()))
        run.log.write_text('{"event": "started"}\n')
        for name, service in SERVICES.items():
            more = {"gateway_url": run.party.url, "gateway_api_key": "k" * 32, "gateway_webhook_secret": "w" * 32}
            given = more if name == "notifications" else {}
            given |= {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
            h = run.harnesses[name] = await stays.enter_async_context(harness(service, stack, clock=clock, **given))
            run.relays[name] = _relay(h, stack, prefix)
            stays.push_async_callback(run.relays[name].close)
            for topic in h.consumers:
                kafka = await stays.enter_async_context(_member(stack, group_of(prefix, name, topic), prefix + topic))
                run.readers.append((h, _consumer(h, topic, stack, prefix), kafka))
        run.sender = sender_of(run.harnesses["notifications"].app)
        bank = await Bank(run.harnesses["payments"], prefix=PREFIX).enable()
        await run.open_branch()
        for _ in range(people):
            await run.register()
        await run.settle()
        for _, code in run.people[1:-1]:
            await run.pay(bank, code)
        await run.pay(bank, run.people[-1][1], amount=PRICE + 1)
        await every_way(run, bank, PRICE)
        await run.settle()
        yield run


def _relay(h: Harness, stack: Stack, prefix: str) -> Relay:
    return Relay(
        h.app.engine,
        service=h.service.name,
        instance=f"{h.service.name}-tests",
        bootstrap=stack.kafka_bootstrap.split(","),
        prefix=prefix,
        catalogue=h.service.catalogue,
    )


def _consumer(h: Harness, topic: str, stack: Stack, prefix: str) -> Consumer:
    """The service's consumer of one topic, with a real letter box."""
    letters = DeadLetters(
        h.app.engine,
        h.app.wrap,
        h.app.vault,
        h.clock,
        bootstrap=stack.kafka_bootstrap.split(","),
        service=h.service.name,
        instance=f"{h.service.name}-tests",
        prefix=prefix,
    )
    return Consumer(
        h.consumers[topic].subscription,
        service=h.service.name,
        catalogue=h.service.catalogue,
        batches=h.app.batches,
        keys=h.app.keys,
        letters=letters,
    )


@asynccontextmanager
async def _member(stack: Stack, group: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A member of the group that was given all partitions by hand."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=stack.kafka_bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        yield consumer
    finally:
        await consumer.stop()
