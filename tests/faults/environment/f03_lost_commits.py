"""F3: the connection to PostgreSQL is reset just after COMMIT was sent, so the process cannot know whether it holds. About half of them hold.

One write path at a time: the process of that path reaches the database through a link, and only commits that wrote events are struck.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing
from tests.faults.environment.importing import upload
from tests.faults.ground import Ground
from tests.support.eventually import eventually
from tests.support.lost_commits import EVENTS, LostCommits
from tests.support.proxy import Link, link

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
TIMES, EVERY = 5, 2
ROWS, CHUNK, FILE_TIMES = 300, 100, 2
"""An import commits a chunk at a time; one that was struck and held never comes again, so there are more chunks than strikes."""


@cell(
    "env.F3.registration-api",
    fault="F3",
    service="registration",
    process="registration-api",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registration_api(ground: Ground) -> Injected:
    return await lose_commits(ground, "registration-api")


@cell("env.F3.payments-api", fault="F3", service="payments", process="payments-api", invariants=INVARIANTS)
async def payments_api(ground: Ground) -> Injected:
    return await lose_commits(ground, "payments-api")


@cell(
    "env.F3.payments-consumers",
    fault="F3",
    service="payments",
    process="payments-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def payments_consumers(ground: Ground) -> Injected:
    return await lose_commits(ground, "payments-consumers")


@cell(
    "env.F3.registration-consumers",
    fault="F3",
    service="registration",
    process="registration-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registration_consumers(ground: Ground) -> Injected:
    return await lose_commits(ground, "registration-consumers")


@cell(
    "env.F3.notifications-workers",
    fault="F3",
    service="notifications",
    process="notifications-workers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def sender(ground: Ground) -> Injected:
    return await lose_commits(ground, "notifications-workers")


@cell(
    "env.F3.registration-workers",
    fault="F3",
    service="registration",
    process="registration-workers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def import_(ground: Ground) -> Injected:
    async with through_link(
        ground, "registration-workers", times=FILE_TIMES, every=1, PERISAI_IMPORT_CHUNK=str(CHUNK)
    ) as plan:
        people = [ground.estate.town.form() for _ in range(ROWS)]
        await upload(ground, people)
        await eventually(lambda: plan.fired >= FILE_TIMES, within_s=60, what="commits of the import struck")
    return Injected(planned=FILE_TIMES, fired=plan.fired, unit="request", ended_at=time.monotonic())


async def lose_commits(ground: Ground, process: str) -> Injected:
    """Strikes every second commit of events of this process, five times; afterwards it is connected directly again."""
    async with flowing(ground), through_link(ground, process) as plan:
        await eventually(lambda: plan.fired >= TIMES, within_s=60, what=f"{TIMES} commits of {process} struck")
    return Injected(planned=TIMES, fired=plan.fired, unit="request", ended_at=time.monotonic())


@asynccontextmanager
async def through_link(
    ground: Ground, process: str, *, times: int = TIMES, every: int = EVERY, **settings: str
) -> AsyncIterator[LostCommits]:
    """The process restarted with these settings and the link between it and its database; at the end restarted without."""
    stack = ground.estate.stack
    plan = LostCommits(touching=EVENTS, times=times, every=every, seed=ground.seed)
    async with link(f"127.0.0.1:{stack.ports['postgres']}", watch=plan.watch) as door:
        await ground.restart(process, PERISAI_DATABASE_URL=behind(door, ground, process), **settings)
        yield plan
        assert plan.fired == door.resets, "a strike resets its connection"
    await ground.restart(process)


def behind(door: Link, ground: Ground, process: str) -> str:
    """The writer's URL of the service of this process, with the link's port in it."""
    stack = ground.estate.stack
    url = stack.databases.url(process.partition("-")[0], "writer")
    return url.replace(f":{stack.ports['postgres']}/", f":{door.port}/")
