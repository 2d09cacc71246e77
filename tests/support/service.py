"""One service on a real migrated database, without Kafka and without sockets: commands, HTTP, consumed events, timers, replay.

async with harness(SERVICE, stack) as h:
    response = await h.client.post("/participants", json=form, headers=h.token(roles=["agent"], agent_id=agent))
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import httpx
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from chassis import eventlog, operations
from chassis.batches import Broken
from chassis.consumer import Consumer
from chassis.http.app import create_app
from chassis.http.auth import Verifier
from chassis.http.keys import FixedKeys
from chassis.ids import new_id
from chassis.parking import ParkedKey, Parking
from chassis.privacy.sealing import EventSealer
from chassis.process import Process
from chassis.records import Bad, Coordinates, Outcome, Record
from chassis.replay import Outcome as ReplayOutcome
from chassis.replay import replay
from chassis.service import App, Service
from chassis.settings import Environment
from chassis.timers import Timers
from chassis.transaction import Recorded, Scope, UseCase
from contracts.envelope import Envelope
from contracts.event import Event
from tests.support import signatures
from tests.support.clock import FakeClock
from tests.support.eventually import eventually
from tests.support.stack import Stack

I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741

signatures.remember()
ISSUER, AUDIENCE = "https://issuer.example", "perisai"
_PATIENCE = {"payments": {"answer_budget_s": 60}}
"""A bank is answered however slow the machine is: what happens after its time is asked where that is set short."""
NIK_HASH_KEY = hashlib.sha256(b"nik hash key of the tests").digest()


def key_bytes(name: str) -> bytes:
    """64 bytes that are the same in every run."""
    return hashlib.sha512(name.encode()).digest()


class Letters:
    """Keeps dead letters in memory; a chassis test proves the real ones."""

    def __init__(self) -> None:
        self.sent: list[Bad] = []

    async def send(self, letters: list[Bad]) -> None:
        self.sent += letters


class Harness:
    """What a service test drives. `letters.sent`: dead letters of `deliver`."""

    def __init__(self, service: Service, app: App, clock: FakeClock) -> None:
        self.service, self.app, self.clock = service, app, clock
        self.letters = Letters()
        self._signing = ECKey.generate_key("P-256", {"kid": "tests", "use": "sig"})
        self._offsets = itertools.count()
        self._seqs: dict[tuple[str, str], int] = {}
        self._subject_keys: dict[UUID, bytes | None] = {}
        self.consumers = {
            s.topic: Consumer(
                s,
                service=service.name,
                catalogue=service.catalogue,
                batches=app.batches,
                keys=app.keys,
                letters=self.letters,
            )
            for s in app.composition.subscriptions
        }
        self.asgi = create_app(
            service.name,
            routers=[*app.composition.routers, operations.router(Process(app))],
            verifier=Verifier(FixedKeys(KeySet([self._signing])), issuer=ISSUER, audience=AUDIENCE, clock=clock),
            checks={},
            edges=app.composition.edges,
            record_read=app.reads.record,
        )
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.asgi, raise_app_exceptions=False), base_url="http://service"
        )

    async def run(self, use_case: UseCase[I, O], items: Sequence[I]) -> list[O | Broken]:
        """One batch of a use case, as any door would run it."""
        return await self.app.batches.run(use_case, items)

    def token(
        self,
        *,
        roles: Sequence[str],
        subject: str | None = None,
        branch_id: UUID | None = None,
        wadah_id: UUID | None = None,
        agent_id: UUID | None = None,
        participant_id: UUID | None = None,
        **changes: Any,
    ) -> dict[str, str]:
        """Headers of an authenticated request, with a fresh Idempotency-Key. `changes` replace claims; None removes one."""
        now = int(self.clock.wall().timestamp())
        scope = {"branch_id": branch_id, "wadah_id": wadah_id, "agent_id": agent_id, "participant_id": participant_id}
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject or f"{roles[0]}-1",
            "iat": now,
            "nbf": now,
            "exp": now + 900,
            "roles": list(roles),
            **{name: str(value) for name, value in scope.items() if value is not None},
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode({"alg": "ES256", "kid": "tests"}, claims, self._signing, algorithms=["ES256"])
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id())}

    async def events(self, stream: str | None = None) -> list[Recorded]:
        """The service's own log, unsealed, in position order."""
        query = sa.text(f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM event_log ORDER BY position")
        async with self.app.read() as conn:
            rows = (await conn.execute(query)).all()
        found = []
        for row in rows:
            if stream in (None, row.stream):
                envelope = eventlog.envelope_of(row, self.service.name)
                sealer = EventSealer(envelope.event_id, self.app.keys.cache)
                event = self.service.catalogue.decode(envelope.type, envelope.version, bytes(row.payload), sealer)
                found.append(Recorded(envelope, event))
        return found

    def person(self, subject: UUID) -> None:
        """Makes a person known whose events another service would publish: its key lies in the ring already."""
        self.app.keys.cache.setdefault(subject, hashlib.sha256(subject.bytes).digest())

    def forget(self, subject: UUID) -> None:
        """From now on the key of this person is destroyed."""
        self.app.keys.cache[subject] = None

    def record(
        self,
        event: Event,
        *,
        key: str | UUID,
        scope: Scope = Scope(),  # noqa: B008 — frozen
        seq: int | None = None,
        event_id: UUID | None = None,
        correlation_id: UUID | None = None,
        rules: str = "tests/1",
        actor: str = "tests",
        source: str = "",
    ) -> Record:
        """The Kafka record in which this event of another service would arrive; seq counts up per key unless given. `source`: which service's, of
        an event that each service records.
        """
        stream = event.stream_of(source)
        place = (stream, str(key))
        self._seqs[place] = seq if seq is not None else self._seqs.get(place, 0) + 1
        envelope = Envelope(
            event_id=event_id or new_id(),
            source=self.service.catalogue.owners[stream],
            stream=stream,
            key=str(key),
            seq=self._seqs[place],
            type=event.type,
            version=event.version,
            rules=rules,
            occurred_at=self.clock.business(),
            recorded_at=self.clock.wall(),
            actor=actor,
            correlation_id=correlation_id or new_id(),
            branch_id=scope.branch_id,
            wadah_id=scope.wadah_id,
            agent_id=scope.agent_id,
        )
        topic = f"perisai.{self.service.catalogue.topics[stream]}"
        return Record(
            Coordinates(topic, 0, next(self._offsets)),
            str(key).encode(),
            event.encode(EventSealer(envelope.event_id, self.app.keys.cache)),
            tuple(envelope.to_headers()),
        )

    async def deliver(self, *records: Record) -> list[Outcome]:
        """Consumes records of one topic as one batch: read, decoded, applied, parked. The outcomes are those of readable records."""
        consumer = self.consumers[records[0].at.topic.removeprefix("perisai.")]
        read = await consumer.read(records)
        bad = [item for item in read if isinstance(item, Bad)]
        if bad:
            await self.letters.send(bad)
        return await consumer.apply([item for item in read if not isinstance(item, Bad)])

    async def retry_parked(self) -> int:
        """What the parking does by itself, once, now."""
        return await self._parking().retry_ripe()

    async def ask_retry(self, stream: str, key: str) -> bool:
        """An operator's retry of one parked key; `retry_parked` then works it."""
        return await self._parking().retry(stream, key)

    async def until_ripe(self) -> None:
        """Waits until the retry time of some parked key has come (a tenth of a second or so, by the database's clock)."""
        query = sa.text("SELECT count(*) FROM progress WHERE parked IS NOT NULL AND retry_at <= clock_timestamp()")

        async def ripe() -> bool:
            async with self.app.read() as conn:
                return bool((await conn.execute(query)).scalar_one())

        await eventually(ripe)

    async def parked(self) -> list[ParkedKey]:
        """Keys that wait."""
        return await self._parking().listed()

    def _parking(self) -> Parking:
        return Parking(self.app.engine, self.app.batches, list(self.consumers.values()))

    async def due(self, timer_name: str) -> int:
        """Fires one timer until nothing is due; returns how many keys it worked."""
        (timer,) = [t for t in self.app.composition.timers if t.name == timer_name]
        timers = Timers(self.app.engine, self.app.batches, self.clock, [timer], service=self.service.name)
        worked = 0
        while count := await timers.fire(timer):
            worked += count
        return worked

    async def replay(self) -> ReplayOutcome:
        """Rebuilds all state from the log and compares it with the live tables."""
        return await replay(self.service, self.app.engine, self.app.vault, self.app.keys)

    async def statements(self) -> tuple[int, int]:
        """(statements, commits) of the service's engine so far."""
        return self.app.counters.statements, self.app.counters.commits

    def pass_time(self, **parts: float) -> None:
        """Both clocks move, e.g. `pass_time(days=31)`."""
        self.clock.move(timedelta(**parts))


def settings_for(service: Service, database_url: str, **more: Any) -> Any:
    """Settings of a test process, with keys that are the same in every run."""
    values: dict[str, Any] = {
        "environment": Environment.TEST,
        "database_url": database_url,
        "kafka_bootstrap": "127.0.0.1:1",
        "jwks_url": "http://127.0.0.1:1/jwks",
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "master_key": base64.b64encode(key_bytes(service.name)).decode(),
        "nik_hash_key": base64.b64encode(NIK_HASH_KEY).decode(),
        "registration_url": "" if service.name == "registration" else "http://127.0.0.1:1",
        "key_door_token": "tests",
        **_PATIENCE.get(service.name, {}),
        **more,
    }
    return service.settings(**values)


@asynccontextmanager
async def harness(
    service: Service, stack: Stack, *, clock: FakeClock | None = None, **settings: Any
) -> AsyncIterator[Harness]:
    """A harness on a database of its own; `settings` override those of the service."""
    clock = clock or FakeClock()
    async with stack.database(service.name) as database:
        app = App(service, settings_for(service, database.writer_url, **settings), clock=clock)
        h = Harness(service, app, clock)
        try:
            yield h
        finally:
            await h.client.aclose()
            await app.close()
