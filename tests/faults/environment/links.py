"""A process with a bad link in front of one thing that it talks to, and nothing else of the estate noticing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.faults.environment.busy import Found, violation
from tests.faults.ground import Ground
from tests.support.eventually import eventually
from tests.support.proxy import Link, link


@dataclass(frozen=True)
class Way:
    """`process` reaches `to` (postgres, kafka, gateway) through the link."""

    name: str
    service: str
    process: str
    to: str


WAYS = (
    Way("api-postgres", "registration", "registration-api", "postgres"),
    Way("relay-kafka", "registration", "registration-relay", "kafka"),
    Way("reader-kafka", "payments", "payments-consumers", "kafka"),
    Way("sender-gateway", "notifications", "notifications-workers", "gateway"),
)

MESSAGES_PER_PERSON = 4
_QUEUED = "SELECT count(*) AS n FROM notifications WHERE state = 'QUEUED'"


@asynccontextmanager
async def linked(ground: Ground, way: Way) -> AsyncIterator[Link]:
    """Restarts the process behind an open link; at the end it is connected directly again."""
    ports = ground.estate.stack.ports
    behind = ports["kafka-behind-link"] if way.to == "kafka" else ports[way.to]
    port = ports["kafka-link"] if way.to == "kafka" else 0  # where that door of the broker says that it is
    async with link(f"127.0.0.1:{behind}", port=port, seed=ground.seed) as door:
        await ground.restart(way.process, **told(ground, way, door))
        yield door
        assert door.accepted > 0, f"{way.process} never came through the link"
        async with ground.held(way.process):
            await ground.estate.stop(way.process)
    await ground.restart(way.process)


def told(ground: Ground, way: Way, door: Link) -> dict[str, str]:
    """The variable that points the process at the link."""
    stack = ground.estate.stack
    match way.to:
        case "postgres":
            url = stack.databases.url(way.service, "writer")
            return {"PERISAI_DATABASE_URL": url.replace(f":{stack.ports['postgres']}/", f":{door.port}/")}
        case "kafka":
            return {"PERISAI_KAFKA_BOOTSTRAP": door.address}
        case _:
            return {"PERISAI_GATEWAY_URL": f"http://{door.address}"}


async def sent_again(ground: Ground, way: Way, *, since: float, within_s: float) -> Found:
    """Readers' lag says nothing of a sender. A violation of I11 unless no more than a second of messages waits in time, where the link is its own."""
    if way.to != "gateway":
        return {}
    waiting = 0

    async def short() -> bool:
        nonlocal waiting
        (found,) = await ground.estate.town.rows("notifications", _QUEUED)
        waiting = int(found["n"])
        return waiting <= ground.per_s * MESSAGES_PER_PERSON

    with contextlib.suppress(AssertionError):
        await eventually(short, within_s=max(60.0, within_s), what="messages go out")
    took = time.monotonic() - since
    return violation(
        "I11",
        "notifications.notifications",
        expected=f"messages go out within {within_s:g} s",
        actual=f"{waiting} wait after {took:.1f} s",
        holds=took <= within_s and waiting <= ground.per_s * MESSAGES_PER_PERSON,
    )
