"""States go forward: consecutive events of a key are a step that `transitions.toml` allows."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tests.faults.checker.world import Event

MACHINES: Sequence[Mapping[str, Any]] = tomllib.loads(
    Path(__file__).with_name("transitions.toml").read_text(encoding="utf-8")
)["machine"]
ENDS_A_BILL = ("BillExpired", "BillCancelled", "ContributionPaid")
STREAMS = frozenset(machine["stream"] for machine in MACHINES)


def histories(machine: Mapping[str, Any], log: Sequence[Event]) -> dict[str, list[str]]:
    """What the machine is about → the types of its events in order. Where it is about a thing, events that name none belong to none."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    per = machine.get("per")
    own = [event for event in log if event.stream == machine["stream"]]
    for event in own if per else sorted(own, key=lambda e: (e.key, e.seq)):
        if per is None:
            found[event.key].append(event.type)
        elif event.data.get(per) is not None:
            found[event.data[per]].append(event.type)
    return found


def offences(machine: Mapping[str, Any], types: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(expected, actual) of every step of one history that is not allowed."""
    aside, allowed = machine.get("aside", ()), machine["next"]
    before = ""
    for type_ in types:
        if type_ in aside and before:
            continue
        if type_ not in allowed.get(before, ()):
            yield f"after {before or 'nothing'}: {', '.join(allowed.get(before, ())) or 'nothing'}", type_
        before = type_
    for first, second in machine.get("alternate", ()):
        turns = [type_ for type_ in types if type_ in (first, second)]
        if turns != [first, second] * (len(turns) // 2) + [first] * (len(turns) % 2):
            yield f"{first} and {second} in turn", " ".join(turns)


class Told(Protocol):
    """What this needs to know of an event."""

    stream: str
    key: str
    type: str

    @property
    def data(self) -> Mapping[str, Any]: ...


def open_at_once(log: Sequence[Told]) -> Iterator[tuple[str, str]]:
    """(payer, bill) of every bill that was issued while another one of that payer was open.

    The bill of a collective bill's share is paid at once and offered to nobody.
    """
    open_: dict[str, str] = {}
    for event in log:
        if event.stream != "contributions" or "bill_id" not in event.data:
            continue
        bill, payer = event.data["bill_id"], event.key
        if event.type == "ContributionBilled" and event.data.get("share_of") is None:
            if payer in open_:
                yield payer, bill
            open_[payer] = bill
        elif event.type in ENDS_A_BILL and open_.get(payer) == bill:
            del open_[payer]
