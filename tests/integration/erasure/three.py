"""Registration, payments and notifications side by side, each on a database of its own; what a relay would send is carried from log to inbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis import eventlog
from chassis.outcomes import Done
from chassis.records import Coordinates, Record
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.payments.app import SERVICE as PAYMENTS
from services.payments.timers import FORGET_ACCOUNTS
from services.registration.app import SERVICE as REGISTRATION
from services.registration.timers import CALENDAR, ERASURE
from tests.integration.payments.bank import Bank
from tests.integration.registration.world import World
from tests.support.clock import FakeClock
from tests.support.service import Harness, harness
from tests.support.stack import Stack

_LOG = sa.text(
    f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE position > :after AND stream = ANY(:streams) ORDER BY position"
)
GATEWAY = {
    "gateway_url": "http://127.0.0.1:1",
    "gateway_api_key": "tests",
    "gateway_webhook_secret": "a-secret-of-the-tests-0001",
}
"""Nobody there: nothing is sent."""


@dataclass
class Three:
    """`world`: registration with one branch, without agents. Persons' keys come from registration, as through its door."""

    world: World
    payments: Harness
    notifications: Harness
    bank: Bank
    clock: FakeClock
    carried: dict[tuple[str, str, str], int] = field(default_factory=dict)

    @property
    def all(self) -> Sequence[Harness]:
        return [self.world.h, self.payments, self.notifications]

    async def carry(self, *, again: bool = False) -> None:
        """Every event to everybody who reads its topic, until nothing more is recorded; `again`: from the beginning."""
        if again:
            self.carried.clear()
        while await self._carry_once():
            pass

    async def _carry_once(self) -> int:
        moved = 0
        for writer in self.all:
            for reader in self.all:
                for topic in reader.consumers:
                    moved += await self._carry_topic(writer, reader, topic)
        return moved

    async def _carry_topic(self, writer: Harness, reader: Harness, topic: str) -> int:
        place = (writer.service.name, reader.service.name, topic)
        catalogue = writer.service.catalogue
        streams = [s for s, t in catalogue.topics.items() if t == topic and catalogue.owners[s] == writer.service.name]
        async with writer.app.read() as conn:
            rows = (await conn.execute(_LOG, {"after": self.carried.get(place, 0), "streams": streams})).all()
        if not rows:
            return 0
        outcomes = await reader.deliver(*(record_of(writer, topic, row) for row in rows))
        assert all(outcome == Done() or "seen" in str(outcome) for outcome in outcomes), outcomes
        self.carried[place] = rows[-1].position
        return len(rows)

    async def work(self) -> None:
        """What is due everywhere, and what follows from it."""
        await self.carry()
        for h, timer in (
            (self.world.h, CALENDAR),
            (self.payments, "bill-expiry"),
            (self.world.h, ERASURE),
            (self.payments, FORGET_ACCOUNTS),
        ):
            await h.due(timer)
            await self.carry()

    async def erase(self, who: UUID) -> str:
        """Asks and lets everybody work; how the request stands then."""
        path, headers = f"/participants/{who}/erasure", self.world.h.token(roles=["central"])
        answer = await self.world.h.client.post(path, json={"ground": "requested"}, headers=headers)
        assert answer.status_code in (202, 409), answer.text
        await self.work()
        query = {"participant_id": str(who)}
        listed = await self.world.h.client.get("/erasures", params=query, headers=headers)
        return str(listed.json()["items"][0]["status"])


def record_of(writer: Harness, topic: str, row: sa.Row[Any]) -> Record:
    envelope = eventlog.envelope_of(row, writer.service.name)
    at = Coordinates(f"perisai.{topic}", 0, row.position)
    return Record(at, envelope.key.encode(), bytes(row.payload), tuple(envelope.to_headers()))


@asynccontextmanager
async def three(stack: Stack) -> AsyncIterator[Three]:
    clock = FakeClock()
    async with AsyncExitStack() as opened:
        registration = await opened.enter_async_context(harness(REGISTRATION, stack, clock=clock))
        payments = await opened.enter_async_context(harness(PAYMENTS, stack, clock=clock))
        notifications = await opened.enter_async_context(harness(NOTIFICATIONS, stack, clock=clock, **GATEWAY))
        share_keys(registration, [payments, notifications])
        branch = {"code": "J08", "name": "Cimone", "city": "Tangerang"}
        answer = await registration.client.post("/branches", json=branch, headers=registration.token(roles=["central"]))
        world = World(registration, branch_id=UUID(answer.json()["branch_id"]))
        yield Three(world, payments, notifications, await Bank(payments).enable(), clock)


def share_keys(keeper: Harness, others: Iterable[Harness]) -> None:
    for h in others:
        h.app.keys._source = keeper.app.own_keys
