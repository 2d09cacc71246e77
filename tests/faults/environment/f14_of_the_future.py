"""F14: events that this build cannot read: a type or a version of tomorrow, a payload without a field. Each parks its own key, in every reader of the
topic; a known type that nobody here handles only moves `progress`.
"""

from __future__ import annotations

import time
from typing import Any

from contracts.envelope import Envelope
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_recorded
from tests.faults.environment.carrying import place, producer
from tests.faults.environment.f13_poison import READ_AS, stranger, told
from tests.faults.environment.readers import readers_of, topics_of
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11")
UNHANDLED = {
    "participants": "ParticipantUnreachable",
    "agency": "BranchOpened",
    "contributions": "BillCancelled",
    "notifications": "NotificationQueued",
}
"""Topic → a type of ours that no reader of it decodes."""


@cell(
    "env.F14.registration",
    fault="F14",
    service="registration",
    process="registration-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registration(ground: Ground) -> Injected:
    return await of_the_future(ground, "registration")


@cell(
    "env.F14.payments",
    fault="F14",
    service="payments",
    process="payments-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def payments(ground: Ground) -> Injected:
    return await of_the_future(ground, "payments")


@cell(
    "env.F14.notifications",
    fault="F14",
    service="notifications",
    process="notifications-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def notifications(ground: Ground) -> Injected:
    return await of_the_future(ground, "notifications")


async def of_the_future(ground: Ground, reader: str) -> Injected:
    """Each kind once on each topic of the reader."""
    strangers: list[dict[str, Any]] = []
    kinds = [(topic, kind) for topic in topics_of(ground, reader) for kind in range(4)]
    async with flowing(ground), producer(ground.estate.stack.kafka.bootstrap) as through:
        for topic, kind in kinds:
            name = topic.removeprefix(ground.estate.stack.topic_prefix)
            envelope, reason = unreadable(ground, reader, name, kind)
            await place(through, topic, envelope.key.encode(), b'{"told": "tomorrow"}', envelope.to_headers())
            strangers += [what(other, name, envelope, reason) for other in readers_of(ground, topic)]
            await until_recorded(ground, "registration", 3)
    planted = {
        "parked": [one for one in strangers if "reasons" in one],
        "moved": [one for one in strangers if "reasons" not in one],
    }
    counts = len(kinds)
    return Injected(planned=counts, fired=counts, unit="record", ended_at=time.monotonic(), planted=planted)


def unreadable(ground: Ground, reader: str, topic: str, kind: int) -> tuple[Envelope, str]:
    """An event, and why its key must park: empty where that hangs on who reads it."""
    known = stranger(ground.random, topic, READ_AS[reader, topic])
    match kind:
        case 0:
            return known._replace(type="SomethingOfTomorrow"), "unknown_type"
        case 1:
            return known._replace(version=99), "unknown_version"
        case 2:
            return known, ""
        case _:
            return known._replace(type=UNHANDLED[topic]), ""


def what(reader: str, topic: str, envelope: Envelope, reason: str) -> dict[str, Any]:
    """What becomes of it at one reader."""
    where = {"service": reader, "stream": envelope.stream, "key": envelope.key}
    return where | {"reasons": [reason], "attempts": 1} if reason else told(reader, topic, envelope)
