"""Keys at rest open for what they were wrapped for, and for nothing else."""

from __future__ import annotations

import os
from uuid import UUID

import pytest

from chassis.privacy.derive import subkey
from chassis.privacy.wrap import KeyWrap, UnreadableKey

MASTER, KEY, ANNA = os.urandom(64), os.urandom(32), UUID(int=1)


def test_wrapped_key_comes_back() -> None:
    wrapped = KeyWrap(MASTER).wrap("person", ANNA, KEY)
    assert KEY not in wrapped
    assert KeyWrap(MASTER).unwrap("person", str(ANNA), wrapped) == KEY


@pytest.mark.parametrize(("kind", "name"), [("person", UUID(int=2)), ("dead-letters", ANNA)])
def test_wrapped_key_serves_nothing_else(kind: str, name: UUID) -> None:
    wrapped = KeyWrap(MASTER).wrap("person", ANNA, KEY)
    with pytest.raises(UnreadableKey, match=str(name)):
        KeyWrap(MASTER).unwrap(kind, name, wrapped)


@pytest.mark.parametrize("wrapped", [b"", b"short", bytes(range(48))])
def test_foreign_bytes_are_no_key(wrapped: bytes) -> None:
    with pytest.raises(UnreadableKey):
        KeyWrap(MASTER).unwrap("person", ANNA, wrapped)


def test_other_master_key_unwraps_nothing() -> None:
    with pytest.raises(UnreadableKey):
        KeyWrap(os.urandom(64)).unwrap("person", ANNA, KeyWrap(MASTER).wrap("person", ANNA, KEY))


def test_every_purpose_has_a_key_of_its_own() -> None:
    keys = {subkey(MASTER, purpose) for purpose in ("vault", "key-wrap", "other")}
    assert {len(key) for key in keys} == {64}
    assert len(keys) == 3
    assert subkey(MASTER, "vault") == subkey(MASTER, "vault")
