"""Signed notes: the published example is read, what was signed is checked, and whatever was touched is refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain import notes
from services.audit.domain.checkpoints import Checkpoint, Contradiction, check_continues
from services.audit.domain.merkle import consistency_spans, root, span_hash
from services.audit.domain.notes import WITNESS, BadNote, NoteKey
from tests.unit.audit.test_merkle import tree_of

GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
"""The example of the format's first implementation."""

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
NAME = "audit.perisai.example/log"
PUBLIC = NoteKey(NAME, KEY.public_key().public_bytes_raw())


def signed(checkpoint: Checkpoint) -> str:
    return str(notes.Note(checkpoint.text, (notes.sign(checkpoint.text, checkpoint.origin, KEY),)))


def test_the_published_example_is_a_note() -> None:
    key = NoteKey.parse(GO_KEY)
    assert str(key) == GO_KEY
    note = notes.parse(GO_NOTE)
    assert note.is_signed_by(key)
    assert str(note) == GO_NOTE


def test_a_changed_text_is_refused() -> None:
    with pytest.raises(BadNote, match="PeterNeumann is wrong"):
        notes.parse(GO_NOTE.replace("answer", "Answer")).is_signed_by(NoteKey.parse(GO_KEY))


def test_whose_key_is_not_known_does_not_count() -> None:
    note = notes.parse(GO_NOTE)
    assert not note.is_signed_by(PUBLIC)
    assert not note.is_signed_by(NoteKey("PeterNeumann", PUBLIC.public))


def test_a_checkpoint_is_read_as_it_was_signed() -> None:
    checkpoint = Checkpoint(NAME, 20_852_163, bytes(range(32)))
    note = notes.parse(signed(checkpoint))
    assert note.is_signed_by(PUBLIC)
    assert Checkpoint.parse(note.text) == checkpoint


def test_a_witness_signs_beside_the_log() -> None:
    """The log's signature stays valid, and the witness's holds for its time only."""
    checkpoint = Checkpoint(NAME, 7, bytes(32))
    line = notes.cosign(checkpoint.text, "union.example/witness", OTHER, 1_679_315_147)
    note = notes.parse(str(notes.parse(signed(checkpoint)).signed_also([line])))
    witness = NoteKey("union.example/witness", OTHER.public_key().public_bytes_raw(), WITNESS)
    assert NoteKey.parse(str(witness)) == witness
    assert note.is_signed_by(PUBLIC)
    assert note.is_signed_by(witness)
    later = notes.Signature(line.name, line.key_id, (1_679_315_148).to_bytes(8, "big") + line.raw[8:])
    with pytest.raises(BadNote, match="witness is wrong"):
        notes.Note(checkpoint.text, (later,)).is_signed_by(witness)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n- name AAAAAAA=\n",
        "text\n\n— name not-base64\n",
        "text\n\n— name AAAA\n",
        "te\txt\n\n— name AAAAAAAA\n",
        "text\n\n— name AAAAAAAA",
        "text\n\n" + "— name AAAAAAAA\n" * 101,
    ],
)
def test_what_is_no_note_is_refused(raw: str) -> None:
    with pytest.raises(BadNote):
        notes.parse(raw)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\there"])
def test_a_key_has_a_name_that_a_line_can_carry(name: str) -> None:
    with pytest.raises(BadNote, match="name of a key"):
        NoteKey(name, bytes(32))


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{NAME}\n7\n",
        f"{NAME}\n07\n{'A' * 43}=\n",
        f"{NAME}\n-1\n{'A' * 43}=\n",
        f"{NAME}\n7\nAAAA\n",
        f"{NAME}\n7\n%%%\n",
        f"\n7\n{'A' * 43}=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        Checkpoint.parse(text)


def test_further_lines_of_a_checkpoint_are_passed_over() -> None:
    assert Checkpoint.parse(f"{NAME}\n7\n{'A' * 43}=\nmore\n") == Checkpoint(NAME, 7, bytes(32))


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_log_continues_its_older_checkpoints(one: int, other: int) -> None:
    old, size = sorted((one, other))
    tree = tree_of(size)
    older, newer = Checkpoint(NAME, old, root(old, tree.node)), Checkpoint(NAME, size, root(size, tree.node))
    path = [span_hash(span, tree.node) for span in consistency_spans(old, size)]
    check_continues(older, newer, path)


@given(st.integers(1, 300), st.integers(1, 300), st.integers(0, 299))
def test_a_changed_log_contradicts_an_older_checkpoint(one: int, other: int, changed: int) -> None:
    old, size = sorted((one, other))
    before, after = tree_of(size), tree_of(size)
    after.leaves[changed % old] = bytes(32)
    older, newer = Checkpoint(NAME, old, root(old, before.node)), Checkpoint(NAME, size, root(size, after.node))
    path = [span_hash(span, after.node) for span in consistency_spans(old, size)]
    with pytest.raises(Contradiction):
        check_continues(older, newer, path)


def test_checkpoints_of_two_logs_are_not_compared() -> None:
    with pytest.raises(BadNote, match="two logs"):
        check_continues(Checkpoint("a", 1, bytes(32)), Checkpoint("b", 1, bytes(32)), [])
