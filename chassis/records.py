"""From a Kafka record to something a batch can judge: an event to apply, a reason to park its key, or a dead letter."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from chassis.outcomes import Done, Failed, NotYet
from chassis.privacy.sealing import EventSealer
from chassis.transaction import Meta, Scope
from contracts.envelope import BadEnvelope, Envelope
from contracts.event import Catalogue, Event, InvalidPayload, UnknownType, UnknownVersion
from contracts.sealed import SUBJECT_IN_WIRE_FORM

MAX_DEPTH = 64
MAX_KEY_BYTES = 1_024
"""Far above any id of ours, and what an index row can hold."""


class Coordinates(NamedTuple):
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record, nothing interpreted."""

    at: Coordinates
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    written_ms: int | None = None
    """When, by its producer's or the broker's clock: milliseconds since 1970. None where nobody asked for it."""


class Bad(NamedTuple):
    """Not one of our events at all: a dead letter. `reason` is a code with the name of what is wrong, never a value."""

    record: Record
    reason: str


class Read(NamedTuple):
    """A record whose envelope is ours."""

    record: Record
    envelope: Envelope
    value: bytes


class Incoming(NamedTuple):
    """An event for a batch. Without `event`: `problem` says why its key must park, or it is a known type nobody here handles."""

    record: Record
    envelope: Envelope
    value: bytes
    event: Event | None
    problem: str | None = None


class Received(NamedTuple):
    """What a handler is given: the event, unsealed, and under whose name its consequences are recorded."""

    envelope: Envelope
    event: Event
    meta: Meta
    scope: Scope


Outcome = Done | NotYet | Failed


def read(record: Record, catalogue: Catalogue, topic: str) -> Read | Bad:
    """Checks what must hold of any record of ours on this topic (name without prefix)."""
    if record.key is None:
        return Bad(record, "no_key")
    if not record.value:
        return Bad(record, "empty")
    try:
        envelope = Envelope.from_headers(record.headers)
    except BadEnvelope as error:
        return Bad(record, f"bad_envelope: {error}")
    if len(record.key) > MAX_KEY_BYTES or b"\0" in record.key:
        return Bad(record, "bad_key")
    if envelope.key.encode() != record.key:
        return Bad(record, "key_is_not_subject")
    if catalogue.owners.get(envelope.stream, envelope.source) != envelope.source:
        return Bad(record, "foreign_source")
    if catalogue.topics.get(envelope.stream, topic) != topic:
        return Bad(record, "stream_of_another_topic")
    if reason := _not_json(record.value):
        return Bad(record, reason)
    return Read(record, envelope, record.value)


def _not_json(value: bytes) -> str | None:
    """Cheap checks that bound what the JSON reader must face; whether it is JSON in full shows at decoding."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return "not_utf8"
    if value.count(b"{") + value.count(b"[") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        return "too_deep"
    if value[:1] != b"{" or value[-1:] != b"}":
        return "not_json"
    return None


def _depth(value: bytes) -> int:
    depth = deepest = 0
    in_string = escaped = False
    for byte in value:
        if in_string:
            in_string, escaped = (True, False) if escaped else (byte != 0x22, byte == 0x5C)
        elif byte == 0x22:
            in_string = True
        elif byte in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"}]":
            depth -= 1
    return deepest


def subjects_in(payloads: Iterable[bytes]) -> set[UUID]:
    """The persons whose keys a batch needs, found in the bytes: decoding then validates each payload once."""
    found = {match for payload in payloads for match in SUBJECT_IN_WIRE_FORM.findall(payload)}
    return {subject for text in found if (subject := _uuid(text)) is not None}


def _uuid(text: bytes) -> UUID | None:
    try:
        return UUID(text.decode())
    except ValueError:
        return None  # decoding will refuse the payload as invalid


def decode(
    item: Read, catalogue: Catalogue, handled: Collection[str], keys: dict[UUID, bytes | None]
) -> Incoming | Bad:
    """Decodes one event of a handled type. Raises KeyUnavailable when a person's key was not fetched."""
    envelope = item.envelope
    try:
        if envelope.stream not in catalogue.owners:  # a writer newer than this reader: it waits for the upgrade
            raise UnknownType(envelope.stream)
        catalogue.check(envelope.type, envelope.version)
        if envelope.type not in handled:
            return Incoming(item.record, envelope, item.value, None)
        event = catalogue.decode(envelope.type, envelope.version, item.value, EventSealer(envelope.event_id, keys))
    except UnknownType:
        return Incoming(item.record, envelope, item.value, None, "unknown_type")
    except UnknownVersion:
        return Incoming(item.record, envelope, item.value, None, "unknown_version")
    except InvalidPayload as error:
        if str(error) == "payload":
            return Bad(item.record, "not_json")
        return Incoming(item.record, envelope, item.value, None, "invalid")
    if event.stream_of(envelope.source) != envelope.stream:
        return Incoming(item.record, envelope, item.value, None, "invalid")
    return Incoming(item.record, envelope, item.value, event)


def received(item: Incoming) -> Received:
    """The handler's view: its consequences carry on the correlation and name this event as their cause."""
    envelope = item.envelope
    assert item.event is not None
    return Received(
        envelope,
        item.event,
        Meta(
            actor=envelope.actor,
            correlation_id=envelope.correlation_id,
            causation_id=envelope.event_id,
            traceparent=envelope.traceparent,
        ),
        Scope(envelope.branch_id, envelope.wadah_id, envelope.agent_id),
    )
