"""A process with a bad link in front of one thing that it talks to, and nothing else of the estate noticing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.faults.ground import Ground
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
