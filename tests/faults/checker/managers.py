"""Who looks after whom, folded from registration's log: whoever left has nobody, and nobody comes to the branch twice for one departure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

GONE = ("AgentDropped", "AgentDismissed")
BACK = "AgentReinstated"
DEPARTURES = ("agent_dropped", "agent_dismissed")
"""Reasons of a change that the sweep after a departure makes."""


class Told(Protocol):
    @property
    def type(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


def offences(log: Sequence[Told], managers: Mapping[str, str | None]) -> Iterator[tuple[str, str, str]]:
    """(participant, expected, actual). `managers`: participant → agent, as registration's table has it."""
    left: set[str] = set()
    swept: defaultdict[str, list[str]] = defaultdict(list)
    last: dict[str, str | None] = {}
    for event in log:
        if event.type in GONE:
            left.add(event.data["agent_id"])
        elif event.type == BACK:
            left.discard(event.data["agent_id"])
        elif event.type == "ParticipantReassigned":
            swept[event.key].append(event.data["reason"])
            last[event.key] = event.data["agent"]
        elif event.type == "ProtectionStarted":  # a new spell may be somebody else's
            swept[event.key].append(event.type)
            last[event.key] = event.data["agent"]
    for participant, agent in managers.items():
        if agent in left:
            yield participant, "the branch, as the agent left", "still the agent"
        if participant in last and agent != last[participant]:
            yield participant, f"{last[participant] or 'the branch'}", f"{agent or 'the branch'}"
    for participant, reasons in swept.items():
        if any(a == b and a in DEPARTURES for a, b in pairwise(reasons)):
            yield participant, "brought to the branch once", "twice in a row"
