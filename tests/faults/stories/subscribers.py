"""Every subscriber of every service, running on real topics, with a handler that can be made to raise in place of the service's own.

What is under test here is how a subscriber treats whatever its handler does, so the handlers are stand-ins; all else is the service's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from chassis.consumer import Consumer
from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.process import Process
from chassis.records import Outcome, Received
from chassis.service import Service
from chassis.settings import Role
from chassis.subscribing import group_of
from chassis.transaction import Tx
from contracts.event import Event
from contracts.events.agency import WadahEnded
from contracts.events.contributions import ContributionReversed
from contracts.events.notifications import NotificationDelivered
from contracts.events.participants import GraceEntered, RegistrationExpired
from contracts.values import BillId, ContributionMonth, NotificationId, ParticipantId, PaymentId, Rupiah, WadahId
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.payments.app import SERVICE as PAYMENTS
from services.registration.app import SERVICE as REGISTRATION
from tests.support.service import Harness, harness
from tests.support.stack import Stack
from tests.support.topics import write_topic
from tests.support.toy import running, toy_topics
from tests.unit.notifications import samples

SERVICES = (REGISTRATION, PAYMENTS, NOTIFICATIONS)
_MORE: dict[str, dict[str, Any]] = {
    "notifications": {
        "gateway_url": "http://127.0.0.1:1",
        "gateway_api_key": "tests",
        "gateway_webhook_secret": "tests",
    }
}


class Raising:
    """Deals with everything, but raises at one event until it is mended."""

    def __init__(self) -> None:
        self.poison: UUID | None = None
        self.broken = True

    async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        if self.broken and any(item.envelope.event_id == self.poison for item in items):
            raise ArithmeticError("a poison event")
        return [Done() for _ in items]


@dataclass(frozen=True)
class Subscriber:
    """One running subscriber of a service."""

    h: Harness
    process: Process
    consumer: Consumer
    handler: Raising
    prefix: str
    stream: str

    @property
    def name(self) -> str:
        return f"{self.h.service.name}.{self.consumer.topic}"

    @property
    def topic(self) -> str:
        return self.prefix + self.consumer.topic

    @property
    def group(self) -> str:
        return group_of(self.prefix, self.h.service.name, self.consumer.topic)

    async def write(self, stack: Stack, keys: Sequence[UUID], each: int) -> None:
        """So many events per key onto the topic, in turns; the second of the first key is poison to this subscriber."""
        self.handler.poison = new_id()
        records = []
        for seq in range(1, each + 1):
            for key in keys:
                event_id = self.handler.poison if (key, seq) == (keys[0], 2) else new_id()
                record = self.h.record(event_for(self.consumer, key), key=key, seq=seq, event_id=event_id)
                records.append((record.key, record.value, [(n, v or b"") for n, v in record.headers]))
        await write_topic(stack.kafka_bootstrap, self.topic, records)


@asynccontextmanager
async def services(stack: Stack) -> AsyncIterator[tuple[str, list[Harness]]]:
    """Every service on a database of its own, and the prefix of the topics they share; nothing runs."""
    async with AsyncExitStack() as ending:
        names = ("participants", "contributions", "notifications", "agency", "dead-letters")
        prefix = await ending.enter_async_context(toy_topics(stack, *names))
        found = [await ending.enter_async_context(_service(stack, service, prefix)) for service in SERVICES]
        yield prefix, found


def _service(stack: Stack, service: Service, prefix: str) -> Any:
    where: dict[str, Any] = {
        "kafka_bootstrap": stack.kafka_bootstrap,
        "topic_prefix": prefix,
        "roles": frozenset({Role.CONSUMERS}),
    }
    return harness(service, stack, **where, **_MORE.get(service.name, {}))


@asynccontextmanager
async def subscribed(
    prefix: str, hs: Sequence[Harness], handlers: dict[str, Raising]
) -> AsyncIterator[list[Subscriber]]:
    """One running process per service; the handlers outlive it by subscriber name."""
    async with AsyncExitStack() as ending:
        found: list[Subscriber] = []
        for h in hs:
            process = Process(h.app)
            for consumer in process.consumers:
                handler = handlers.setdefault(f"{h.service.name}.{consumer.topic}", Raising())
                stream = _stream(consumer)
                consumer.subscription = replace(consumer.subscription, handler=handler)
                found.append(Subscriber(h, process, consumer, handler, prefix, stream))
            await ending.enter_async_context(running(process))
        yield found


def _stream(consumer: Consumer) -> str:
    """The stream of an event that this subscriber handles."""
    return event_for(consumer, new_id()).stream


def event_for(consumer: Consumer, key: UUID) -> Event:
    """An event that this subscriber hands to its handler; what it says does not matter here."""
    payment: dict[str, Any] = {
        "payment_id": PaymentId(key),
        "bill_id": BillId(key),
        "participant_id": ParticipantId(key),
    }
    month = ContributionMonth(2025, 10)
    made: list[Event] = [
        ContributionReversed(
            **payment, partner="bank-a", amount=Rupiah(36_800), months=(), reason="tests", refusal=None
        ),
        samples.billed().model_copy(update={"bill_id": BillId(key), "participant_id": ParticipantId(key)}),
        NotificationDelivered(
            notification_id=NotificationId(key), participant_id=ParticipantId(key), delivered_at=month.starts_at
        ),
        RegistrationExpired(participant_id=ParticipantId(key)),
        GraceEntered(participant_id=ParticipantId(key), paid_through=month),
        WadahEnded(wadah_id=WadahId(key), ended_on=date(2025, 10, 6), reason="tests"),
    ]
    return next(event for event in made if type(event) in consumer.subscription.types)
