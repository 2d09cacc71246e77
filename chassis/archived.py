"""A service's own events as the archive hands them over: one a line, into the standard input of the service's own command.

The last line says how many came before it, so a feed that broke off is never taken for a log that ends there.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from pydantic_core import from_json, to_json

from contracts.envelope import BadEnvelope, Envelope

BATCH = 1_000


class BrokenOff(Exception):
    """The feed ended before its end, or is none: nothing can be said of what did not come."""


class Archived(NamedTuple):
    """One event; `topic` without prefix, `key` that of its record."""

    topic: str
    key: bytes
    envelope: Envelope
    value: bytes


class Unreadable(NamedTuple):
    """The archive has something under this id that is no event. `reason`: a code, never a value."""

    event_id: UUID
    reason: str


class Segment(NamedTuple):
    """Leaves from place `first` up to `end`, and those of the events `also`; in the order in which they are folded."""

    first: int = 0
    end: int = 0
    also: tuple[UUID, ...] = ()

    def as_json(self) -> list[Any]:
        return [self.first, self.end, [str(one) for one in self.also]]

    @classmethod
    def of_json(cls, told: Sequence[Any]) -> Segment:
        first, end, also = told
        return cls(first, end, tuple(map(UUID, also)))


class Batch(NamedTuple):
    """`lines`: of the segment that came by now, these included."""

    held: list[Archived | Unreadable]
    segment: Segment
    lines: int


def segment(of: Segment, passed: int) -> bytes:
    """Before the lines of a segment, of which the first so many are left out: whoever is fed has them."""
    return _line({"segment": of.as_json(), "passed": passed})


def line(
    event_id: UUID, topic: str, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
) -> bytes:
    """One event, with the id under which the archive has it."""
    coded = [[name, _text(held)] for name, held in headers]
    return _line({"id": str(event_id), "topic": topic, "key": _text(key), "value": _text(value), "headers": coded})


def unreadable(event_id: UUID, reason: str) -> bytes:
    """In place of an event that cannot be read."""
    return _line({"unreadable": str(event_id), "reason": reason})


def end(lines: int) -> bytes:
    """After so many lines."""
    return _line({"end": lines})


async def batches(parts: AsyncIterator[Sequence[bytes]]) -> AsyncIterator[Batch]:
    """What a feed holds, in its order. Raises BrokenOff."""
    at, lines, came = Segment(), 0, 0
    held: list[Archived | Unreadable] = []
    async for some in parts:
        for text in some:
            told = _told(text)
            if held and ("end" in told or "segment" in told or len(held) == BATCH):
                yield Batch(held, at, lines)
                held = []
            if "end" in told:
                if told["end"] != came:
                    raise BrokenOff(f"it holds {came} events and says {told['end']}")
                return
            if "segment" in told:
                at, lines = _segment(told)
                continue
            held.append(_read(told))
            lines, came = lines + 1, came + 1
    raise BrokenOff(f"it broke off after {came} events")


def _segment(told: dict[str, Any]) -> tuple[Segment, int]:
    try:
        return Segment.of_json(told["segment"]), int(told["passed"])
    except (ValueError, KeyError, TypeError):
        raise BrokenOff("one of its segments is none") from None


def _told(text: bytes) -> dict[str, Any]:
    try:
        told = from_json(text)
    except ValueError:
        told = None
    if not isinstance(told, dict) or not {"end", "segment", "unreadable", "headers"} & told.keys():
        raise BrokenOff("it is no feed of the archive")
    return told


def _read(told: dict[str, Any]) -> Archived | Unreadable:
    try:
        if "unreadable" in told:
            return Unreadable(UUID(str(told["unreadable"])), str(told["reason"]))
        return _event(UUID(str(told["id"])), told)
    except (ValueError, KeyError, TypeError):
        raise BrokenOff("one of its lines is no event") from None


def _event(event_id: UUID, told: dict[str, Any]) -> Archived | Unreadable:
    headers = [(name, _bytes(held)) for name, held in told["headers"]]
    key, value = _bytes(told["key"]) or b"", _bytes(told["value"]) or b""
    try:
        envelope = Envelope.from_headers(headers)
    except BadEnvelope:
        return Unreadable(event_id, "bad_envelope")
    if "\0" in envelope.stream + envelope.key:
        return Unreadable(event_id, "bad_key")
    return Archived(told["topic"], key, envelope, value)


def _line(told: dict[str, Any]) -> bytes:
    return to_json(told) + b"\n"


def _text(raw: bytes | None) -> str | list[str] | None:
    """As text; what is no UTF-8 as base64 in a list."""
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return [b64encode(raw).decode()]


def _bytes(told: str | list[str] | None) -> bytes | None:
    if told is None:
        return None
    if isinstance(told, str):
        return told.encode()
    (coded,) = told
    return b64decode(coded, validate=True)
