"""Promises that hold for every event type there is, so also for the next one."""

from __future__ import annotations

import base64
import json
import os
from typing import Any
from uuid import UUID, uuid4

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from chassis.privacy.sealing import EventSealer, KeyUnavailable
from contracts.event import Event, InvalidPayload
from contracts.events import CATALOGUE
from contracts.sealed import SUBJECT_IN_WIRE_FORM, Sealed
from contracts.snapshots import committed
from tests.support.examples import events, personal_texts, sealed_parts

EVERY = pytest.mark.parametrize("kind", CATALOGUE.events, ids=lambda kind: f"{kind.type}.{kind.version}")
PERSONAL = pytest.mark.parametrize(
    "kind",
    [k for k in CATALOGUE.events if any("Sealed" in repr(f.annotation) for f in k.model_fields.values())],
    ids=lambda kind: kind.type,
)
few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCHEMAS = committed()


class Sealing:
    """One event with the keys of everybody in it."""

    def __init__(self, event: Event) -> None:
        self.event_id = uuid4()
        self.keys: dict[UUID, bytes | None] = {sealed.subject: os.urandom(32) for sealed in sealed_parts(event)}
        self.sealer = EventSealer(self.event_id, self.keys)
        self.payload = event.encode(self.sealer)


def decode(kind: type[Event], payload: bytes, sealer: EventSealer) -> Event:
    return CATALOGUE.decode(kind.type, kind.version, payload, sealer)


@EVERY
@few
@given(data=st.data())
def test_what_was_encoded_is_decoded(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    sealing = Sealing(event)
    assert decode(kind, sealing.payload, sealing.sealer) == event


@EVERY
@few
@given(data=st.data())
def test_payload_fits_the_committed_schema(kind: type[Event], data: st.DataObject) -> None:
    payload = json.loads(Sealing(data.draw(events(kind))).payload)
    jsonschema.Draft202012Validator(SCHEMAS[kind.type, kind.version]).validate(payload)


@PERSONAL
@few
@given(data=st.data())
def test_no_personal_value_is_in_the_bytes(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    payload = Sealing(event).payload
    texts = personal_texts(event)
    assert texts
    for text in texts:
        raw = text.encode()
        for form in (raw, json.dumps(text)[1:-1].encode(), base64.b64encode(raw)[:-4], raw.hex().encode()):
            assert form not in payload
    assert "Canary" not in repr(event)


@PERSONAL
@few
@given(data=st.data())
def test_boxes_open_in_their_own_event_only(kind: type[Event], data: st.DataObject) -> None:
    sealing = Sealing(data.draw(events(kind)))
    with pytest.raises(InvalidPayload):
        decode(kind, sealing.payload, EventSealer(uuid4(), sealing.keys))


@PERSONAL
@few
@given(data=st.data())
def test_boxes_open_for_their_own_subject_only(kind: type[Event], data: st.DataObject) -> None:
    sealing = Sealing(data.draw(events(kind)))
    stranger = uuid4()
    for subject, key in sealing.keys.items():
        moved = sealing.payload.replace(str(subject).encode(), str(stranger).encode())
        with pytest.raises(InvalidPayload):
            decode(kind, moved, EventSealer(sealing.event_id, {**sealing.keys, stranger: key}))


@PERSONAL
@few
@given(data=st.data())
def test_forgotten_people_are_blanks_and_everything_else_stays(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    sealing = Sealing(event)
    read = decode(kind, sealing.payload, EventSealer(sealing.event_id, dict.fromkeys(sealing.keys)))
    assert all(sealed.value is None for sealed in sealed_parts(read))
    assert {sealed.subject for sealed in sealed_parts(read)} == sealing.keys.keys()
    assert _without_people(read) == _without_people(event)


@PERSONAL
@few
@given(data=st.data())
def test_missing_key_is_unavailable_and_no_fault_of_the_payload(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    sealing = Sealing(event)
    for use in (lambda sealer: decode(kind, sealing.payload, sealer), event.encode):
        with pytest.raises(KeyUnavailable):
            use(EventSealer(sealing.event_id, {}))


@PERSONAL
@few
@given(data=st.data())
def test_subjects_are_found_without_decoding(kind: type[Event], data: st.DataObject) -> None:
    sealing = Sealing(data.draw(events(kind)))
    found = {UUID(match.decode()) for match in SUBJECT_IN_WIRE_FORM.findall(sealing.payload)}
    assert found == sealing.keys.keys()


@EVERY
@few
@given(data=st.data())
def test_readers_ignore_fields_they_do_not_know(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    sealing = Sealing(event)
    newer = json.dumps(_with_more_fields(json.loads(sealing.payload), kind)).encode()
    assert decode(kind, newer, sealing.sealer) == event


class NewerSealer(EventSealer):
    """Opens boxes as a later version of the producer would have filled them."""

    def open(self, subject: UUID, box: str) -> bytes | None:
        plaintext = super().open(subject, box)
        return None if plaintext is None else json.dumps({**json.loads(plaintext), "from_the_future": 1}).encode()


@PERSONAL
@few
@given(data=st.data())
def test_readers_ignore_fields_they_do_not_know_inside_a_box(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    sealing = Sealing(event)
    assert decode(kind, sealing.payload, NewerSealer(sealing.event_id, sealing.keys)) == event


@EVERY
@few
@given(data=st.data())
def test_producers_are_refused_fields_that_are_not_in_the_contract(kind: type[Event], data: st.DataObject) -> None:
    event = data.draw(events(kind))
    with pytest.raises(ValidationError):
        kind(**{**dict(event), "surprise": 1})


@EVERY
@few
@given(data=st.data())
def test_every_field_is_needed_and_its_absence_named_without_values(kind: type[Event], data: st.DataObject) -> None:
    sealing = Sealing(data.draw(events(kind)))
    payload = json.loads(sealing.payload)
    required = SCHEMAS[kind.type, kind.version].get("required", [])
    for name in required:
        rest = {field: value for field, value in payload.items() if field != name}
        with pytest.raises(InvalidPayload, match=f"^{name}$"):
            decode(kind, json.dumps(rest).encode(), sealing.sealer)


@EVERY
def test_strange_payloads_are_invalid(kind: type[Event]) -> None:
    for payload in (b"", b"null", b"[]", b"{", b'"x"', b"\xff", b"[" * 100_000, b'{"a":' * 5_000):
        with pytest.raises(InvalidPayload):
            decode(kind, payload, EventSealer(uuid4(), {}))


@pytest.mark.parametrize(
    "sealed",
    [
        None,
        "box",
        [],
        {},
        {"sealed_for": 5, "box": None},
        {"sealed_for": "x", "box": None},
        {"sealed_for": str(UUID(int=7)), "box": 3},
        {"sealed_for": str(UUID(int=7)), "box": "not base64!"},
        {"sealed_for": str(UUID(int=7)), "box": ""},
        {"sealed_for": str(UUID(int=7)), "box": "AQ=="},
        {"sealed_for": str(UUID(int=7))},
    ],
)
def test_strange_boxes_are_invalid(sealed: Any) -> None:
    sealer = EventSealer(uuid4(), {UUID(int=7): b"k" * 32})
    kind = next(k for k in CATALOGUE.events if k.type == "ParticipantRegistered")
    with pytest.raises(InvalidPayload, match="person"):
        decode(kind, json.dumps({"person": sealed}).encode(), sealer)


@EVERY
def test_stream_has_a_topic_and_an_owner(kind: type[Event]) -> None:
    streams = CATALOGUE.streams(kind)
    assert streams and all(CATALOGUE.topics[stream] for stream in streams)
    owners = [CATALOGUE.owners[stream] for stream in streams]
    assert {*owners} <= {"registration", "payments", "notifications", "audit"} and len(owners) == len({*owners})


def _without_people(event: Event) -> dict[str, object]:
    return {name: value for name, value in dict(event).items() if not isinstance(value, Sealed)}


def _with_more_fields(payload: Any, kind: type[Event]) -> Any:
    """A field more in every object whose members are a model's; free dictionaries are data."""
    free = {name for name, field in kind.model_fields.items() if "dict" in str(field.annotation)}

    def grow(node: Any) -> Any:
        if isinstance(node, list):
            return [grow(item) for item in node]
        if isinstance(node, dict):
            return {**{n: v if n in free else grow(v) for n, v in node.items()}, "from_the_future": [1]}
        return node

    return grow(payload)
