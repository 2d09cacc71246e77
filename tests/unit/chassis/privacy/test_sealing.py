"""Boxes in events. What holds for every event type is in tests/contracts/test_events.py."""

from __future__ import annotations

import base64
import os
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.privacy.sealing import BoxUnreadable, EventSealer, KeyUnavailable

ANNA, BUDI, EVENT = UUID(int=1), UUID(int=2), UUID(int=9)
KEYS: dict[UUID, bytes | None] = {ANNA: os.urandom(32), BUDI: os.urandom(32)}
sealer = EventSealer(EVENT, KEYS)


def boxed(text: bytes = b"Anna Canary") -> str:
    box = sealer.seal(ANNA, text)
    assert box is not None
    return box


@given(st.binary())
def test_box_gives_back_what_was_sealed(plaintext: bytes) -> None:
    assert sealer.open(ANNA, boxed(plaintext)) == plaintext


def test_no_nonce_is_used_twice() -> None:
    nonces = {base64.b64decode(boxed())[1:13] for _ in range(500)}
    assert len(nonces) == 500


def test_forgotten_person_seals_and_opens_as_nothing() -> None:
    forgotten = EventSealer(EVENT, {ANNA: None})
    assert forgotten.seal(ANNA, b"x") is None
    assert forgotten.open(ANNA, boxed()) is None


def test_key_that_is_not_at_hand_names_the_subject_only() -> None:
    nobody, box = EventSealer(EVENT, {}), boxed()
    for use in (lambda: nobody.seal(ANNA, b"Anna Canary"), lambda: nobody.open(ANNA, box)):
        with pytest.raises(KeyUnavailable, match=str(ANNA)) as caught:
            use()
        assert "Canary" not in str(caught.value)
        assert caught.value.subject == ANNA


def test_box_of_one_person_opens_under_no_other_key() -> None:
    with pytest.raises(BoxUnreadable):
        sealer.open(BUDI, boxed())
    with pytest.raises(BoxUnreadable):
        EventSealer(EVENT, {BUDI: KEYS[ANNA]}).open(BUDI, boxed())


def test_box_of_one_event_opens_in_no_other() -> None:
    with pytest.raises(BoxUnreadable):
        EventSealer(UUID(int=10), KEYS).open(ANNA, boxed())


@given(st.data())
def test_altered_box_does_not_open(data: st.DataObject) -> None:
    raw = base64.b64decode(boxed())
    at, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    altered = raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :]
    with pytest.raises(BoxUnreadable):
        sealer.open(ANNA, base64.b64encode(altered).decode())


NONSENSE = ["", "!", "AQ==", "not base64", boxed()[:-8], boxed() + "A", "é" * 40]


@pytest.mark.parametrize("box", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_does_not_open(box: str) -> None:
    with pytest.raises(BoxUnreadable):
        sealer.open(ANNA, box)
