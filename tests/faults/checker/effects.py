"""The effect table of `effects.toml`: what one consumed event must have caused at one reader, and whether it did."""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.faults.checker.world import Event

TABLE: Mapping[str, Any] = tomllib.loads(Path(__file__).parent.with_name("effects.toml").read_text(encoding="utf-8"))
STREAMS: Mapping[str, Mapping[str, str]] = TABLE["streams"]
READERS: Mapping[str, Sequence[str]] = TABLE["readers"]
RULES: Mapping[tuple[str, str, bool], Mapping[str, Any]] = {
    (rule["reader"], rule["on"], rule.get("own", False)): rule for rule in TABLE["rule"]
}
CHANNEL = "SMS"


@dataclass
class Known:
    """What conditions may look at: all events of all services by type, and those of each (stream, key) by position."""

    by_type: Mapping[str, Sequence[Event]]
    by_key: defaultdict[tuple[str, str], list[Event]] = field(init=False)
    payments: dict[str, Event] = field(init=False)
    """ContributionPaid by payment id."""

    def __post_init__(self) -> None:
        self.by_key = defaultdict(list)
        for events in self.by_type.values():
            for event in events:
                self.by_key[event.place].append(event)
        self.payments = {event.data["payment_id"]: event for event in self.by_type.get("ContributionPaid", ())}


def differences(
    rule: Mapping[str, Any], cause: Event, found: Sequence[Event], known: Known, conditions: Any
) -> Iterator[tuple[str, str]]:
    """(expected, actual) of everything about these effects that the rule does not say."""
    counts = Counter((event.type, event.key) for event in found)
    for effect in rule["effects"]:
        wanted = "when" not in effect or getattr(conditions, effect["when"])(cause, known, found)
        least, most = (effect.get("least", 1), effect.get("most", 1)) if wanted else (0, 0)
        number = counts.pop((effect["type"], _key(effect["key"], cause, known)), 0)
        if not least <= number <= most:
            yield f"{least}–{most} × {effect['type']}", str(number)
        yield from _copied(effect, cause, found)
    for (type_, _), number in counts.items():
        yield f"no {type_} of that key", str(number)
    yield from _together(rule, Counter(event.type for event in found))
    if not found and "if_none" in rule and not getattr(conditions, rule["if_none"])(cause, known, found):
        yield f"an effect, or {rule['if_none']}", "neither"
    for event in found:
        if event.correlation_id != cause.correlation_id:
            yield f"{event.type} under the cause's correlation id", "another one"


def _copied(effect: Mapping[str, Any], cause: Event, found: Sequence[Event]) -> Iterator[tuple[str, str]]:
    for event in found:
        if event.type == effect["type"]:
            for name in effect.get("copies", ()):
                if event.data[name] != cause.data[name]:
                    yield f"{event.type}.{name} of the cause", "another one"


def _together(rule: Mapping[str, Any], types: Counter[str]) -> Iterator[tuple[str, str]]:
    if (one := rule.get("one_of")) and (number := sum(types[name] for name in one)) != 1:
        yield f"one of {', '.join(one)}", str(number)
    if (one := rule.get("at_most_one_of")) and (number := sum(types[name] for name in one)) > 1:
        yield f"at most one of {', '.join(one)}", str(number)
    for name, other in rule.get("only_with", {}).items():
        if types[name] and not types[other]:
            yield f"{name} only with {other}", "alone"


def _key(how: str, cause: Event, known: Known) -> str:
    match how:
        case "same":
            return cause.key
        case "participant":
            return str(cause.data["participant_id"])
        case "receipt":
            paid = known.payments.get(cause.data["payment_id"])
            return "" if paid is None else f"{paid.data['partner']}:{paid.data['channel_reference']}"
        case "notice":
            return notice_id(cause.event_id, cause.data["participant_id"])
    raise ValueError(f"effects.toml: no key is made by {how!r}")


def notice_id(cause: str, participant_id: str) -> str:
    """The one message about this event to this person: a UUIDv7 with the time of the cause, the rest drawn from both and the channel."""
    digest = hashlib.sha256(f"{cause}/{participant_id}/{CHANNEL}".encode()).digest()
    raw = bytearray(UUID(cause).bytes[:6] + digest[:10])
    raw[6], raw[8] = 0x70 | raw[6] & 0x0F, 0x80 | raw[8] & 0x3F
    return str(UUID(bytes=bytes(raw)))
