"""What the checker passes over on purpose: the events of audit where it has left the ground, and looks, which nobody answers with a stored answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faults.checker import i1_durable
from tests.faults.checker.records import Envelope, Record
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import Event, World

PREFIX = "perisai."


def record(source: str, offset: int) -> Record:
    envelope = Envelope(f"e{offset}", source, "s", "k", 1, "Happened")
    return Record(f"{PREFIX}audit", 0, offset, b"k", b"{}", (), envelope)


@pytest.mark.parametrize(
    ("services", "seen"),
    [
        (("registration",), ["registration", "stranger"]),
        (("registration", "audit"), ["registration", "audit", "stranger"]),
    ],
)
async def test_events_of_audit_are_looked_at_while_it_plays(services: tuple[str, ...], seen: list[str]) -> None:
    facts: Any = SimpleNamespace(services=services, prefix=PREFIX)
    world = World(facts, cast(Any, None), cast(Any, SimpleNamespace(places=frozenset())))
    world._records = [record(name, n) for n, name in enumerate(("registration", "audit", "stranger"))]
    assert [one.envelope.source for one in await world.events_on("audit") if one.envelope] == seen


@pytest.mark.parametrize(
    ("stream", "actor", "wrong"),
    [
        ("reads-registration", "officer-1", 0),
        ("participants", "officer-1", 1),
        ("participants", "registration.timer", 0),
        ("checkpoints", "system:audit", 1),
    ],
)
async def test_an_event_without_a_cause_is_named_unless_it_is_a_look(stream: str, actor: str, wrong: int) -> None:
    event = Event(1, "e", stream, "k", 1, "Happened", None, None, actor, "c", None, b"{}")
    books = i1_durable._Books({}, {"c": [event]}, {})

    async def rows(*_: str) -> list[Any]:
        return []

    planted = SimpleNamespace(taken_back=frozenset[str]())
    tally = Tally("I1")
    await i1_durable._causes(cast(Any, SimpleNamespace(rows=rows, planted=planted)), tally, "registration", books)
    assert (tally.checked, tally.violations) == (1, wrong)
