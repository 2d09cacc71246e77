"""T9: there is no door that is not written down. Served routes are the committed OpenAPI, read topics the committed AsyncAPI."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chassis.deadletters import TOPIC as DEAD_LETTERS
from chassis.subscribing import subscribe
from contracts import asyncapi
from deploy import topics
from tests.faults.evidence import Evidence, Violation
from tests.faults.threats import served as doors
from tests.faults.threats.served import SERVICES, served
from tests.support.stack import Stack
from tools import openapi

PREFIX = "perisai."
HIDDEN = {
    "registration": {"POST /internal/person-keys"},
    "payments": {"* /snap/{rest:path}"},
}
"""Served, and in no document: between our own services, and the refusal of what is no SNAP service."""


def _differ(where: str, committed: set[str], actual: set[str]) -> list[Violation]:
    return [
        {"where": where, "key": one, "expected": "committed and served", "actual": "served" if one in actual else "committed"}
        for one in sorted(committed ^ actual)
    ]  # fmt: skip


@pytest.mark.cell("threat.T9", fault="T9", service="all")
@pytest.mark.parametrize("service", sorted(SERVICES))
async def test_what_is_served_is_what_is_committed(service: str, stack: Stack, evidence: Evidence) -> None:
    file = openapi.FOLDER / f"{service}.json"
    committed: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    operations = {f"{method.upper()} {path}" for path, methods in committed["paths"].items() for method in methods}
    async with served(service, stack) as h:
        routes = doors.routed(h.asgi)
        told = (await h.client.get("/openapi.json")).json()
        # the router itself, asked: a path nobody wrote down is not there
        strangers = [
            "/admin",
            "/debug",
            "/internal",
            "/internal/person-keys/x",
            "/ops",
            "/participants.json",
            "/v1/participants",
            "/.env",
        ]
        found = [
            p for p in strangers if (await h.client.get(p, headers=h.token(roles=["operator"]))).status_code != 404
        ]
    wrong = _differ(service, operations | HIDDEN.get(service, set()) | doors.open_to_all(service), routes)
    wrong += [{"where": service, "key": path, "expected": "404", "actual": "served"} for path in found]
    if told != committed:
        wrong.append(
            {
                "where": service,
                "key": str(file.name),
                "expected": "python -m tools.openapi --write",
                "actual": "differs",
            }
        )
    evidence.fired(len(routes), of=len(routes), unit="run")
    evidence.holds("T9.routes", checked=len(routes) + len(strangers), violations=wrong)


@pytest.mark.cell("threat.T9", fault="T9", service="all")
async def test_what_is_read_is_what_is_committed(stack: Stack, evidence: Evidence) -> None:
    """Every topic that a process subscribes to is a channel, every type it handles a message of that channel."""
    committed: dict[str, Any] = json.loads(asyncapi.FILE.read_text(encoding="utf-8"))
    channels: dict[str, Any] = {channel["address"]: channel for channel in committed["channels"].values()}
    wrong, read, types = list[Violation](), set[str](), 0
    for service in sorted(SERVICES):
        async with served(service, stack) as h:
            subscribed = await _subscribed(h)
            expected = {PREFIX + topic for topic in doors.table()["reads"][service]}
            wrong += _differ(f"{service} reads", expected, {topic for topic, _ in subscribed})
            for topic, handled in subscribed:
                read.add(topic)
                types += len(handled)
                known = {name.rpartition(".")[0] for name in channels.get(topic, {}).get("messages", {})}
                wrong += [
                    {"where": f"{service} reads {topic}", "key": name, "expected": "a message of it", "actual": "none"}
                    for name in sorted(handled - known)
                ]
    wrong += [
        {"where": "asyncapi", "key": t, "expected": "a channel", "actual": "none"} for t in sorted(read - set(channels))
    ]
    if committed != asyncapi.document():
        wrong.append({"where": "asyncapi", "key": "docs/asyncapi.json", "expected": "current", "actual": "differs"})
    evidence.fired(len(read), of=len(read), unit="run")
    evidence.holds("T9.topics", checked=types, violations=wrong)


async def _subscribed(h: Any) -> list[tuple[str, frozenset[str]]]:
    """What FastStream is really told to read, as a process does it."""
    from faststream.kafka import KafkaBroker

    broker = KafkaBroker("127.0.0.1:1", logger=None)
    found = []
    for consumer in h.consumers.values():
        subscriber = subscribe(broker, consumer, prefix=PREFIX, instance="t")
        (topic,) = subscriber.topics
        found.append((topic.name, consumer.subscription.handled))
    # a keeper reads all that is on its topic, and handles no type
    found += [(PREFIX + topic, frozenset()) for topic in h.app.composition.keepers]
    return found


@pytest.mark.cell("threat.T9", fault="T9", service="all")
def test_what_is_written_is_what_is_committed_and_declared(evidence: Evidence) -> None:
    """The topics of the catalogue are the channels; every channel is declared, and only dead letters are declared beside them."""
    committed: dict[str, Any] = json.loads(asyncapi.FILE.read_text(encoding="utf-8"))
    channels = {channel["address"] for channel in committed["channels"].values()}
    declared = {topic.name for topic in topics.declared(prefix=PREFIX)}
    catalogue = {PREFIX + topic for service in SERVICES.values() for topic in service.catalogue.topics.values()}
    wrong = _differ("catalogue", channels, catalogue)
    wrong += [
        {"where": "deploy/topics.toml", "key": name, "expected": "declared", "actual": "not"}
        for name in sorted(channels - declared)
    ]
    if PREFIX + DEAD_LETTERS not in declared - channels:
        wrong.append(
            {"where": "dead letters", "key": DEAD_LETTERS, "expected": "declared, no channel", "actual": "not"}
        )
    evidence.fired(len(channels), of=len(channels), unit="run")
    evidence.holds("T9.topics", checked=len(declared), violations=wrong)
