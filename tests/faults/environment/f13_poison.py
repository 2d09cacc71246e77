"""F13: records that are no events, or events that cannot be read, on every topic of a reader, between good ones. Each becomes one dead letter, or
parks its own key; its neighbours go on, and wait for no more than twice as long as before.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.envelope import Envelope
from contracts.events import OWNERS
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_recorded
from tests.faults.environment.carrying import Placed, place, producer
from tests.faults.environment.readers import readers_of, topics_of
from tests.faults.environment.waits import marks, p99_s, undisturbed
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11")
LETTERS: Mapping[str, bytes | None] = {
    "not json": b"this is not JSON at all, whatever its headers say",
    "not utf-8": b'{"participant_id": "\xff\xfe"}',
    "nul": b"\0" * 64,
    "a megabyte": b"A" * 1_000_000,
    "too deep": b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    "empty": b"",
    "tombstone": None,
}
"""Kind → value of a record whose headers are those of an event. No reader takes any of them for one."""
WRONG_TYPES = "wrong types"
UNREADABLE = b'{"participant_id": 17, "bill_id": false, "message_id": [], "amount": "1e3", "contribution_code": null}'


@cell(
    "env.F13.registration",
    fault="F13",
    service="registration",
    process="registration-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registration(ground: Ground) -> Injected:
    return await poison(ground, "registration")


@cell("env.F13.payments", fault="F13", service="payments", process="payments-consumers", invariants=INVARIANTS)
async def payments(ground: Ground) -> Injected:
    return await poison(ground, "payments")


@cell(
    "env.F13.notifications",
    fault="F13",
    service="notifications",
    process="notifications-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def notifications(ground: Ground) -> Injected:
    return await poison(ground, "notifications")


READ_AS = {
    ("payments", "participants"): "ParticipantRegistered",
    ("payments", "agency"): "WadahEngaged",
    ("notifications", "participants"): "ParticipantRegistered",
    ("registration", "contributions"): "ContributionPaid",
    ("notifications", "contributions"): "ContributionBilled",
    ("registration", "notifications"): "NotificationDelivered",
}
"""(reader, topic) → a type that this reader decodes."""
MAIN_STREAM = {"agency": "wadah"}
"""Topic → its stream of that type, where it has another name."""


async def poison(ground: Ground, reader: str) -> Injected:
    """Each kind once on each topic of the reader, a few good events apart: poison, and not a flood, which would blow the fuse."""
    letters: list[Placed] = []
    strangers: list[dict[str, Any]] = []
    kinds = [(topic, kind) for topic in topics_of(ground, reader) for kind in (*LETTERS, WRONG_TYPES)]
    async with flowing(ground), producer(ground.estate.stack.kafka.bootstrap) as through:
        before_s = await p99_s(ground, reader, await marks(ground))
        since = await marks(ground)
        for topic, kind in kinds:
            name = topic.removeprefix(ground.estate.stack.topic_prefix)
            envelope = stranger(ground.random, name, READ_AS[reader, name])
            value = UNREADABLE if kind == WRONG_TYPES else LETTERS[kind]
            placed = await place(through, topic, envelope.key.encode(), value, envelope.to_headers())
            if kind in LETTERS:
                letters.append(placed)
            else:
                strangers += [told(other, name, envelope) for other in readers_of(ground, topic)]
            await until_recorded(ground, "registration", 3)
        beside_s = await p99_s(ground, reader, since)
    planted = {
        "dead_letters": [letter.as_letter() for letter in letters],
        "parked": [one for one in strangers if "reasons" in one],
        "moved": [one for one in strangers if "reasons" not in one],
    }
    fired = len(letters) + sum(kind == WRONG_TYPES for _, kind in kinds)
    return Injected(
        planned=len(kinds),
        fired=fired,
        unit="record",
        ended_at=time.monotonic(),
        planted=planted,
        found=undisturbed(reader, before_s=before_s, beside_s=beside_s),
        measured={"neighbours_p99_s": round(beside_s, 3), "neighbours_p99_before_s": round(before_s, 3)},
    )


def told(reader: str, topic: str, envelope: Envelope) -> dict[str, Any]:
    """What becomes of an unreadable event at one reader: it parks where its type is decoded, elsewhere it only moves `progress`."""
    where = {"service": reader, "stream": envelope.stream, "key": envelope.key}
    decodes = READ_AS[reader, topic] == envelope.type
    return where | ({"reasons": ["invalid"], "attempts": 1} if decodes else {})


def stranger(chance: random.Random, topic: str, type_: str) -> Envelope:
    """The envelope of a first event of a thing that nobody ever recorded."""
    now, stream = datetime.now(UTC), MAIN_STREAM.get(topic, topic)
    return Envelope(
        event_id=UUID(int=chance.getrandbits(128), version=4),
        source=OWNERS[stream],
        stream=stream,
        key=str(UUID(int=chance.getrandbits(128), version=4)),
        seq=1,
        type=type_,
        version=1,
        rules="faults/1",
        occurred_at=now,
        recorded_at=now,
        actor="faults",
        correlation_id=UUID(int=chance.getrandbits(128), version=4),
    )
