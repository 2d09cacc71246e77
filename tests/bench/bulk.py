"""People in bulk, through the services' own use cases on their own databases: no HTTP, no gateway, nothing made up in SQL."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice
from typing import Any, TypeVar
from uuid import UUID

from chassis.batches import Broken
from chassis.businessclock import BusinessClock
from chassis.clock import SystemClock
from chassis.database import Unavailable
from chassis.http.auth import Principal
from chassis.idempotency import Answer, Idempotent, Keyed
from chassis.ids import new_id
from chassis.service import App, Service
from chassis.transaction import Meta
from contracts.events.participants import Entry
from deploy.local.outreach.doors import Person
from deploy.local.stack import LocalStack
from services.notifications.app import SERVICE as NOTIFICATIONS
from services.notifications.commands.send import Claim, Settle, claim, settle
from services.notifications.domain.sending import Taken
from services.registration.api.participants import bringer
from services.registration.app import SERVICE as REGISTRATION
from services.registration.commands.registering import Registering, RegisteringOnline, RegisterParticipant
from services.registration.forms import RegistrationForm
from tests.bench import people
from tests.support.service import settings_for

T = TypeVar("T")

BATCH = 250
"""Decided and written well inside the writers' five seconds, also on a machine that is busy."""
TRIES = 10
TELL_EVERY = 20_000


@dataclass(frozen=True, slots=True)
class Resident:
    """A registered person: number of the form, and what registration answered."""

    number: int
    participant_id: str
    code: str


class Loader:
    """An `App` of registration and one of notifications in this process, at the estate's keys and business time."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._exit = AsyncExitStack()

    async def __aenter__(self) -> Loader:
        self._registration = await self._app(REGISTRATION)
        self._notifications = await self._app(NOTIFICATIONS, gateway_url=self._stack.url("gateway"))
        app = self._registration
        self._registering = Idempotent(RegisteringOnline(Registering(app.vault, app.numbers)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exit.aclose()

    async def register(
        self, numbers: Sequence[int], agents: Sequence[Person], *, tell: Callable[[str], None] = lambda _: None
    ) -> list[Resident]:
        """These people, agents taking turns, in batches as a busy door would make them. Raises AssertionError for a refusal."""
        await BusinessClock(self._registration).read()
        found: list[Resident] = []
        bringers = cycle(agents)
        for start in range(0, len(numbers), BATCH):
            batch = numbers[start : start + BATCH]
            items = [self._command(n, who) for n, who in zip(batch, islice(bringers, len(batch)), strict=True)]
            answers = await patiently(lambda: self._registration.batches.run(self._registering, items))  # noqa: B023
            found += [_resident(n, answer) for n, answer in zip(batch, answers, strict=True)]
            if len(found) % TELL_EVERY == 0:
                tell(f"ground: {len(found):,} registered")
            await asyncio.sleep(0)
        return found

    async def settle_messages(self) -> int:
        """Every queued message as if the gateway had taken it: the service's own two ends of a call, without the call."""
        app = self._notifications
        await BusinessClock(app).read()
        settings: Any = app.settings
        claiming, settling = claim(app.vault), settle(settings.policy)
        settled = 0
        while True:
            (taken,) = await app.batches.run(claiming, [Claim(BATCH, timedelta(seconds=60))])
            if isinstance(taken, Broken):
                raise taken.error
            if not taken:
                return settled
            outcomes = [Settle(one.message.notification_id, one.attempt, Taken(f"bulk-{new_id()}")) for one in taken]
            await patiently(lambda: app.batches.run(settling, outcomes))  # noqa: B023
            settled += len(taken)

    def _command(self, number: int, who: Person) -> Keyed[RegisterParticipant]:
        body = people.body(number)
        correlation = new_id()
        command = RegisterParticipant(
            RegistrationForm.model_validate_json(body).to_domain(),
            bringer(principal_of(who), Entry.ONLINE, None),
            Meta(who.subject, correlation),
        )
        return Keyed(who.subject, f"bulk-{number}", hashlib.sha256(body).digest(), correlation, command)

    async def _app(self, service: Service, **more: Any) -> App:
        stack, secrets = self._stack, self._stack.secrets
        settings = settings_for(
            service,
            stack.databases.url(service.name, "writer"),
            instance=f"{service.name}-bulk",
            master_key=secrets.key(f"master-key-{service.name}", size=64),
            nik_hash_key=secrets.key("nik-hash-key", size=32),
            key_door_token=secrets.token("key-door-token"),
            registration_url="" if service is REGISTRATION else stack.url("registration"),
            gateway_api_key=secrets.token("gateway-api-key"),
            gateway_webhook_secret=secrets.token("gateway-webhook-secret"),
            **more,
        )
        app = App(service, settings, clock=SystemClock(stack.business_offset))
        self._exit.push_async_callback(app.close)
        return app


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Again after an outage; the commands have idempotency keys, so nothing is done twice. Raises the last Unavailable."""
    for _ in range(TRIES - 1):
        with contextlib.suppress(Unavailable):
            return await work()
        await asyncio.sleep(0.2)
    return await work()


def principal_of(who: Person) -> Principal:
    """What the token of this person says."""
    return Principal(who.subject, frozenset({who.role}), **{name: UUID(value) for name, value in who.scope.items()})


def _resident(number: int, answer: Answer | Broken) -> Resident:
    if isinstance(answer, Broken):
        raise answer.error
    assert answer.status == 201, f"person {number} was refused: {answer.body.get('code')}"
    return Resident(number, answer.body["participant_id"], answer.body["contribution_code"])
