"""F17: a group's offsets are deleted: the reader begins at the beginning and does nothing twice. Records are deleted by hand before they were read:
what comes after them parks behind the gap, and republishing heals it.
"""

from __future__ import annotations

import time

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_recorded
from tests.faults.environment.f04h_topics_lost import republish
from tests.faults.environment.groups import delete_group, delete_records
from tests.faults.environment.readers import topics_of
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
GAPS = "SELECT count(*) AS n FROM progress WHERE parked = 'gap'"
READER, RELAY = "notifications-consumers", "registration-relay"


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
async def records_deleted(ground: Ground) -> Injected:
    """Registrations vanish before they were read; their protection parks behind the gap until registration republishes.

    At the end the topic is emptied and filled in order once more, as after a loss of the whole: it holds the log again, seq by seq.
    """
    estate, topic = ground.estate, topics_of(ground, "notifications")[0]
    async with flowing(ground, per_s=10):
        async with ground.held(READER):
            await estate.kill(READER)
            await until_recorded(ground, "registration", 50)
            fired = await delete_records(ground, topic)
        await ground.restart(READER)
        await eventually(lambda: gap(ground), within_s=60, what="a key that waits for what was deleted")
        actions = [await republish(ground, "registration")]
    await ground.until_well(within_s=60)
    async with ground.held(RELAY):
        await estate.stop(RELAY)
        await delete_records(ground, topic)
        actions += ["records deleted", await republish(ground, "registration")]
    await ground.restart(RELAY)
    return Injected(planned=1, fired=int(fired > 0), unit="edit", ended_at=time.monotonic(), operator_actions=actions)


async def gap(ground: Ground) -> bool:
    (row,) = await ground.estate.town.rows("notifications", GAPS)
    return bool(row["n"])
