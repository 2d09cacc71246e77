"""Drives notifications on a real database against a real gateway process: people, events, sending, and what the outside got.

Whatever a test did, at its end state is the fold of the log, by `evolve` and by replay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import httpx
import sqlalchemy as sa
import uvicorn

from chassis.clock import SystemClock
from chassis.ids import new_id
from chassis.records import Record
from chassis.transaction import Scope
from contracts.event import Event
from contracts.events.erasure import RecipientForgotten
from contracts.events.notifications import Channel, RecipientAdded
from contracts.events.participants import GraceEntered, ProtectionStarted
from contracts.sealed import Sealed
from contracts.values import Language, NotificationId, ParticipantId
from services.notifications import queries
from services.notifications.api.receipts import sign
from services.notifications.app import SERVICE, sender_of
from services.notifications.domain import notification as messages
from services.notifications.domain import recipient as people
from services.notifications.domain.notification import Notification, NotificationEvent, State, notification_id_of
from services.notifications.domain.recipient import Recipient
from services.notifications.sender import Sender
from services.notifications.settings import Settings
from services.notifications.tables import notifications, recipients
from tests.support.clock import START, FakeClock
from tests.support.eventually import eventually
from tests.support.killed import killed_at
from tests.support.service import Harness, harness
from tests.support.stack import Stack
from tests.unit.notifications import samples

SCOPE = Scope(branch_id=new_id(), wadah_id=new_id(), agent_id=new_id())


@dataclass(frozen=True)
class GatewayAtHand:
    """A running gateway process of the module; `webhook_port` is where it sends receipts."""

    url: str
    api_key: str
    secret: str
    webhook_port: int

    async def behave(self, **behaviour: object) -> None:
        """How the provider answers from now on; nothing given: well."""
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            (await client.post("/behaviour", json=behaviour)).raise_for_status()

    async def messages(self, reference: UUID) -> list[dict[str, Any]]:
        """What it took under this reference."""
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            found = (await client.get("/messages", params={"reference": str(reference)})).json()
        return cast("list[dict[str, Any]]", found["messages"])

    async def receipts(self, message_id: str) -> list[dict[str, Any]]:
        """The receipts of one message, as the provider sees them."""
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            found = (await client.get(f"/messages/{message_id}")).json()
        return cast("list[dict[str, Any]]", found["receipts"])


@dataclass
class Driver:
    """`h` is the service under test; all people are of `SCOPE` unless said otherwise."""

    h: Harness
    gateway: GatewayAtHand

    def sender(self, *, honours_keys: bool = True, attempts_most: int = 100) -> Sender:
        """A sender as a process would have it; several share the queue."""
        settings = cast(Settings, self.h.app.settings)
        policy = replace(settings.policy, provider_honours_keys=honours_keys, attempts_most=attempts_most)
        sender = sender_of(self.h.app)
        return Sender(
            self.h.app.batches,
            sender.gateway,
            clock=self.h.clock,
            vault=self.h.app.vault,
            policy=policy,
            concurrent=settings.send_concurrent,
            lease=settings.lease,
        )

    def hurry(self) -> None:
        """From now on the provider has a second to answer; for answers that never come."""
        self.h.app.settings = self.h.app.settings.model_copy(update={"send_timeout_s": 1.0})

    def registration(
        self, participant: UUID | None = None, *, language: Language = Language.INDONESIAN, phone: str | None = None
    ) -> tuple[ParticipantId, Record]:
        """A new person and the record of their registration."""
        who = ParticipantId(participant or new_id())
        self.h.person(who)
        person = samples.person().model_copy(update={"phone": phone or "+6281200000001"})
        changes = {"participant_id": who, "language": language, "person": Sealed(who, person)}
        return who, self.h.record(samples.registered().model_copy(update=changes), key=who, scope=SCOPE)

    def bill(self, who: ParticipantId, **given: Any) -> tuple[NotificationId, Record]:
        """The first bill of this person, and the id of the welcome that it causes."""
        return self.telling(samples.billed().model_copy(update={"participant_id": who}), who, **given)

    def payment(self, who: ParticipantId) -> tuple[NotificationId, Record]:
        """Protection started, and the id of the message about it."""
        event: ProtectionStarted = samples.protection_started(participant_id=who)
        return self.telling(event, who)

    def grace(self, who: ParticipantId) -> tuple[NotificationId, Record]:
        return self.telling(GraceEntered(participant_id=who, paid_through=samples.OCTOBER), who)

    def telling(self, event: Event, who: ParticipantId, **given: Any) -> tuple[NotificationId, Record]:
        """Any event about this person, and the id of the message that it causes."""
        cause = new_id()
        record = self.h.record(event, key=who, scope=SCOPE, event_id=cause, **given)
        return notification_id_of(cause, who, Channel.SMS), record

    async def queued(self, **person: Any) -> NotificationId:
        """A new person with a welcome to be sent."""
        who, registration = self.registration(**person)
        notification_id, bill = self.bill(who)
        await self.h.deliver(registration)
        await self.h.deliver(bill)
        return notification_id

    async def message(self, notification_id: NotificationId) -> Notification:
        async with self.h.app.read() as conn:
            return (await queries.notifications_of(conn, {notification_id}))[notification_id]

    async def state(self, notification_id: NotificationId) -> State:
        return (await self.message(notification_id)).state

    async def told(self, notification_id: NotificationId) -> list[str]:
        """The types of the events of one message, in order."""
        return [e.event.type for e in await self.h.events("notifications") if e.envelope.key == str(notification_id)]

    def later(self, *, seconds: float = 60) -> None:
        """Wall time passes: pauses and leases are over. Business time stands still."""
        self.h.clock.move_wall(timedelta(seconds=seconds))

    async def dies_at(self, point: str, log: Path) -> None:
        """A process that sends and does nothing else kills itself at the point."""
        await killed_at(
            self.h,
            point,
            log,
            roles="workers",
            offset=START - self.h.clock.wall(),
            within_s=100,
            PERISAI_GATEWAY_URL=self.gateway.url,
            PERISAI_GATEWAY_API_KEY=self.gateway.api_key,
            PERISAI_GATEWAY_WEBHOOK_SECRET=self.gateway.secret,
        )

    async def receipt(self, body: Mapping[str, object] | bytes, **headers: str | bytes) -> httpx.Response:
        """A receipt as the provider would send it, signed now; `headers` replace."""
        raw = body if isinstance(body, bytes) else httpx.Request("POST", "http://x", json=body).content
        now = self.h.clock.wall().isoformat()
        own = {
            "X-Timestamp": now,
            "X-Signature": sign(self.gateway.secret, now, raw),
            "Content-Type": "application/json",
        }
        given = {
            name.encode(): value.encode() if isinstance(value, str) else value
            for name, value in {**own, **headers}.items()
        }
        return await self.h.client.post("/gateway/receipts", content=raw, headers=given)

    @asynccontextmanager
    async def webhook(self) -> AsyncIterator[None]:
        """The service listens where the gateway sends its receipts."""
        config = uvicorn.Config(
            self.h.asgi, port=self.gateway.webhook_port, log_config=None, access_log=False, lifespan="off"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        try:
            await eventually(lambda: server.started or serving.done(), what="webhook server started")
            yield
        finally:
            server.should_exit = True
            await serving

    async def assert_state_is_the_fold_of_the_log(self) -> None:
        """`evolve` over the log = projection + load, row by row; and replay = live."""
        told: dict[UUID, Notification] = {}
        noted: dict[UUID, Recipient] = {}
        for one in await self.h.events():
            if isinstance(one.event, RecipientAdded):
                noted[one.event.participant_id] = people.evolve(None, one.envelope, one.event)
            elif isinstance(one.event, RecipientForgotten):
                key = one.event.participant_id
                noted[key] = people.evolve(noted[key], one.envelope, one.event)
            else:
                event = cast(NotificationEvent, one.event)
                told[event.notification_id] = messages.evolve(told.get(event.notification_id), one.envelope, event)
        async with self.h.app.read() as conn:
            stored = (await conn.execute(sa.select(notifications))).mappings()
            assert {row["notification_id"]: queries.notification_from(row) for row in stored} == told
            known = (await conn.execute(sa.select(recipients))).mappings()
            assert {row["participant_id"]: queries.recipient_from(row, self.h.app.vault) for row in known} == noted
        replayed = await self.h.replay()
        assert replayed.differences == []


@asynccontextmanager
async def driven(stack: Stack, gateway: GatewayAtHand, **settings: object) -> AsyncIterator[Driver]:
    """The service at the business time of the demo, in the wall time of the gateway."""
    given = {
        "gateway_url": gateway.url,
        "gateway_api_key": gateway.api_key,
        "gateway_webhook_secret": gateway.secret,
        "send_timeout_s": 30.0,  # however slow the machine; a lease is ten seconds longer, and `later` a minute
        **settings,
    }
    async with harness(SERVICE, stack, clock=FakeClock(START, SystemClock().wall()), **given) as h:
        driver = Driver(h, gateway)
        yield driver
        await driver.assert_state_is_the_fold_of_the_log()
