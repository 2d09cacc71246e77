"""F17: a group's offsets are deleted: the reader begins at the beginning and does nothing twice. Records are deleted by hand before they were read:
what comes after them parks behind the gap, and republishing heals it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import datetime

from deploy.local.outreach import history
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_recorded
from tests.faults.environment.f04h_topics_lost import republish
from tests.faults.environment.groups import delete_group, delete_records
from tests.faults.environment.readers import topics_of
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
GAPS = "SELECT count(*) AS n FROM progress WHERE parked = 'gap'"
RELAY = "registration-relay"


@cell(
    "env.F17.offsets.payments",
    fault="F17",
    service="payments",
    process="payments-consumers",
    action="offsets deleted",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def offsets_of_payments(ground: Ground) -> Injected:
    return await offsets_deleted(ground, "payments")


@cell(
    "env.F17.offsets.notifications",
    fault="F17",
    service="notifications",
    process="notifications-consumers",
    action="offsets deleted",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def offsets_of_notifications(ground: Ground) -> Injected:
    return await offsets_deleted(ground, "notifications")


async def offsets_deleted(ground: Ground, service: str) -> Injected:
    """While the reader is down all its groups vanish; it starts without knowing where it was."""
    name, prefix = f"{service}-consumers", ground.estate.stack.topic_prefix
    groups = [f"{prefix}{service}.{topic.removeprefix(prefix)}" for topic in topics_of(ground, service)]
    async with flowing(ground, per_s=10):
        async with ground.held(name):
            await ground.estate.kill(name)
            for group in groups:
                await delete_group(ground, group)
        await ground.restart(name)
    return Injected(planned=len(groups), fired=len(groups), unit="edit", ended_at=time.monotonic())


@cell(
    "env.F17.records.notifications",
    fault="F17",
    service="notifications",
    process="notifications-consumers",
    action="records deleted",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def records_of_notifications(ground: Ground) -> Injected:
    """Whoever's registration it never saw is billed, pays and is protected: that is what parks."""
    return await records_deleted(ground, "notifications", nothing)


@cell(
    "env.F17.records.payments",
    fault="F17",
    service="payments",
    process="payments-consumers",
    action="records deleted",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def records_of_payments(ground: Ground) -> Injected:
    """Whoever's registration it never saw is not billed and cannot pay, so nothing would follow by itself: the branch records two deaths."""
    return await records_deleted(ground, "payments", two_die)


async def records_deleted(
    ground: Ground, service: str, follow: Callable[[Ground, set[str]], Awaitable[None]]
) -> Injected:
    """Registrations vanish before the service read them; what follows them parks behind the gap until registration republishes.

    At the end the topic is emptied and filled in order once more, as after a loss of the whole: it holds the log again, seq by seq.
    """
    estate, reader, topic = ground.estate, f"{service}-consumers", topics_of(ground, service)[0]
    async with flowing(ground, per_s=10):
        async with ground.held(reader):
            await estate.kill(reader)
            known = {*ground.driver.people}
            await until_recorded(ground, "registration", 50)
            fired, missed = await delete_records(ground, topic), ground.driver.people.keys() - known
        await ground.restart(reader)
        await follow(ground, missed)
        await eventually(lambda: gap(ground, service), within_s=60, what="a key that waits for what was deleted")
        actions = [await republish(ground, "registration")]
    await ground.until_well(within_s=60)
    async with ground.held(RELAY):
        await estate.stop(RELAY)
        await delete_records(ground, topic)
        actions += ["records deleted", await republish(ground, "registration")]
    await ground.restart(RELAY)
    return Injected(planned=1, fired=int(fired > 0), unit="edit", ended_at=time.monotonic(), operator_actions=actions)


async def nothing(ground: Ground, people: set[str]) -> None:
    """What follows comes by itself."""


async def two_die(ground: Ground, people: set[str]) -> None:
    """Two of these people on the day they registered: the first of those who were not going to pay, for they were published when records vanished."""
    doors, cast = ground.estate.town.doors, ground.estate.town.cast
    now = (await doors.get("registration", "/ops/status", history.OPERATOR))["business_time"]
    today = datetime.fromisoformat(now).astimezone(history.WIB).date().isoformat()
    for person in sorted(people & ground.driver.sleepers)[:2]:
        await doors.post(
            "registration", f"/participants/{person}/closure", cast.head, {"died_on": today}, key=f"died-{person}"
        )


async def gap(ground: Ground, service: str) -> bool:
    (row,) = await ground.estate.town.rows(service, GAPS)
    return bool(row["n"])
