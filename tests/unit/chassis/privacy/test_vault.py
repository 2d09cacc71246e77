"""Stored copies: open in their own cell under their own key, and nowhere else."""

from __future__ import annotations

import os
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.privacy.vault import UnreadableCell, Vault

MASTER, NIK_KEY = os.urandom(64), os.urandom(32)
vault = Vault(MASTER, NIK_KEY)
ROW = UUID(int=1)
texts = st.text(st.characters(codec="utf-8"))


@given(texts)
def test_sealed_text_opens_in_its_cell(text: str) -> None:
    assert vault.open("people", "name", ROW, vault.seal("people", "name", ROW, text)) == text


def test_nothing_stays_nothing() -> None:
    assert vault.seal("people", "name", ROW, None) is None
    assert vault.open("people", "name", ROW, None) is None


@given(texts)
def test_replay_gives_the_same_bytes(text: str) -> None:
    again = Vault(MASTER, NIK_KEY)
    assert vault.seal("people", "name", ROW, text) == again.seal("people", "name", str(ROW), text)


@pytest.mark.parametrize("place", [("agents", "name", ROW), ("people", "phone", ROW), ("people", "name", UUID(int=2))])
def test_box_opens_in_no_other_cell(place: tuple[str, str, UUID]) -> None:
    box = vault.seal("people", "name", ROW, "Siti Rahayu")
    assert vault.seal(*place, "Siti Rahayu") != box
    with pytest.raises(UnreadableCell):
        vault.open(*place, box)


def test_parts_of_a_place_do_not_run_into_each_other() -> None:
    assert vault.seal("a", "bc", "d", "x") != vault.seal("ab", "c", "d", "x")


@given(st.data())
def test_altered_box_does_not_open(data: st.DataObject) -> None:
    box = vault.seal("people", "name", ROW, "Siti Rahayu")
    assert box is not None
    at = data.draw(st.integers(0, len(box) - 1))
    bit = data.draw(st.integers(0, 7))
    altered = box[:at] + bytes([box[at] ^ (1 << bit)]) + box[at + 1 :]
    with pytest.raises(UnreadableCell):
        vault.open("people", "name", ROW, altered)


@pytest.mark.parametrize("box", [b"", b"\x01", b"\x01short", b"Siti Rahayu", bytes(range(50))])
def test_foreign_bytes_do_not_open_and_are_not_quoted(box: bytes) -> None:
    with pytest.raises(UnreadableCell, match=r"people\.name of") as caught:
        vault.open("people", "name", ROW, box)
    assert "Siti" not in str(caught.value)


def test_other_master_key_opens_nothing() -> None:
    box = vault.seal("people", "name", ROW, "Siti Rahayu")
    with pytest.raises(UnreadableCell):
        Vault(os.urandom(64), NIK_KEY).open("people", "name", ROW, box)


class TestNikHash:
    def test_is_the_same_in_every_service(self) -> None:
        assert Vault(os.urandom(64), NIK_KEY).nik_hash("3671015501900001") == vault.nik_hash("3671015501900001")

    def test_is_hex_and_needs_the_key(self) -> None:
        found = vault.nik_hash("3671015501900001")
        assert len(found) == 64
        assert int(found, 16)
        assert Vault(MASTER, os.urandom(32)).nik_hash("3671015501900001") != found


def test_short_master_key_is_refused() -> None:
    with pytest.raises(ValueError, match="64 bytes"):
        Vault(os.urandom(32), NIK_KEY)
