"""A proof of one event holds, here and in the stand-alone verifier, and not one of its bytes can be changed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import services.audit
from services.audit.domain import notes
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.leaves import BadLeaf, Leaf
from services.audit.domain.merkle import inclusion_spans, root, span_hash
from services.audit.domain.proofs import BadProof, Proof
from services.audit.verifier import verify_proof
from tests.unit.audit.test_merkle import Tree
from tests.unit.audit.test_notes import KEY, NAME, OTHER, PUBLIC

VERIFIER = Path(services.audit.__file__).parent / "verifier" / "verify_proof.py"
PARTS = st.none() | st.binary(max_size=40)
LEAVES = st.builds(
    Leaf,
    topic=st.text(max_size=12),
    key=PARTS,
    value=PARTS,
    headers=st.lists(st.tuples(st.text(max_size=8), PARTS), max_size=4).map(tuple),
)


def leaf(number: int) -> Leaf:
    headers = (("ce_id", b"0192"), ("ce_subject", str(number).encode()), ("empty", b""), ("absent", None))
    return Leaf("participants", str(number).encode(), b'{"name": "sealed"}', headers)


@cache
def proof(index: int = 5, size: int = 11) -> Proof:
    leaves = [leaf(number).encode() for number in range(size)]
    tree = Tree(leaves)
    checkpoint = Checkpoint(NAME, size, root(size, tree.node))
    note = notes.Note(checkpoint.text, (notes.sign(checkpoint.text, NAME, KEY),))
    path = tuple(span_hash(span, tree.node) for span in inclusion_spans(index, size))
    return Proof(leaves[index], index, path, note)


@given(LEAVES)
def test_a_leaf_is_read_as_it_was_written(one: Leaf) -> None:
    assert Leaf.decode(one.encode()) == one


@given(LEAVES, LEAVES)
def test_two_events_never_have_the_same_bytes(one: Leaf, other: Leaf) -> None:
    assert (one.encode() == other.encode()) == (one == other)


@given(LEAVES, st.data())
def test_a_leaf_cut_short_is_no_leaf(one: Leaf, data: st.DataObject) -> None:
    """Or, cut between two headers, another one; never the same."""
    raw = one.encode()
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    with contextlib.suppress(BadLeaf):
        assert Leaf.decode(cut) != one


@given(st.integers(1, 40), st.data())
def test_both_checkers_accept_every_event_of_a_log(size: int, data: st.DataObject) -> None:
    one = proof(data.draw(st.integers(0, size - 1)), size)
    assert Proof.parse(str(one)) == one
    assert one.check([PUBLIC]) == Checkpoint.parse(one.checkpoint.text)
    assert verify_proof.check(str(one), NAME, PUBLIC.public) == (one.leaf, one.index, size)


def holds_here(text: str) -> bool:
    try:
        Proof.parse(text).check([PUBLIC])
    except BadProof:
        return False
    return True


def holds_there(text: str) -> bool:
    try:
        verify_proof.check(text, NAME, PUBLIC.public)
    except verify_proof.Unproved:
        return False
    return True


@settings(max_examples=400)
@given(st.data())
def test_no_byte_of_a_proof_can_be_changed(data: st.DataObject) -> None:
    raw = bytearray(str(proof()).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    text = raw.decode("utf-8", "replace")
    assert not holds_here(text)
    assert not holds_there(text)


@pytest.mark.parametrize("index", [4, 6, 11, 10**9])
def test_a_proof_of_another_place_does_not_hold(index: int) -> None:
    text = str(proof()).replace("index 5", f"index {index}")
    assert not holds_here(text)
    assert not holds_there(text)


def test_a_checkpoint_of_somebody_else_does_not_count() -> None:
    one = proof()
    note = notes.Note(one.checkpoint.text, (notes.sign(one.checkpoint.text, NAME, OTHER),))
    text = str(Proof(one.leaf, one.index, one.path, note))
    assert not holds_here(text)
    assert not holds_there(text)


def test_a_witness_alone_does_not_stand_for_the_log() -> None:
    one = proof()
    line = notes.cosign(one.checkpoint.text, NAME, KEY, 1)
    witness = notes.NoteKey(NAME, PUBLIC.public, notes.WITNESS)
    with pytest.raises(BadProof, match="log's key"):
        Proof(one.leaf, one.index, one.path, notes.Note(one.checkpoint.text, (line,))).check([witness])


def test_the_verifier_runs_alone(tmp_path: Path) -> None:
    """In an empty folder, isolated from this project: the file is all that it needs."""
    script, file = tmp_path / "verify_proof.py", tmp_path / "event.tlog-proof"
    script.write_bytes(VERIFIER.read_bytes())
    file.write_text(str(proof()))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(script), *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    good = run(str(file), "--key", str(PUBLIC))
    assert (good.returncode, good.stderr) == (0, "")
    assert "event 5 of 11" in good.stdout
    assert "topic: participants" in good.stdout
    file.write_text(str(proof()).replace("index 5", "index 6"))
    assert run(str(file), "--key", str(PUBLIC)).returncode == 1
    for said, arguments in (
        ("--key: write NAME+ID+KEY", (str(file), "--key", "nonsense")),
        ("--key: write NAME+ID+KEY", (str(file), "--key", f"{PUBLIC}=")),
        ("nowhere cannot be read / tidak dapat dibaca", (str(tmp_path / "nowhere"), "--key", str(PUBLIC))),
        ("cannot be read / tidak dapat dibaca", (str(tmp_path), "--key", str(PUBLIC))),
    ):
        refused = run(*arguments)
        assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1), refused
        assert said in refused.stderr


@pytest.mark.parametrize("more", ["x\n", "\n", "x", "- other.example/log AAAAAAAA\n", "—other AAAAAAAA\n"])
def test_nothing_but_signatures_stands_under_a_proof(more: str) -> None:
    """C2SP signed-note: every line there begins with a dash and a space."""
    text = str(proof()) + more
    assert not holds_here(text)
    assert not holds_there(text)
    assert not holds_there(str(proof()).removesuffix("\n"))


def test_a_signature_of_somebody_else_may_stand_beside_the_logs() -> None:
    one = proof()
    line = notes.cosign(one.checkpoint.text, "union.example/witness", OTHER, 1)
    text = str(Proof(one.leaf, one.index, one.path, one.checkpoint.signed_also([line])))
    assert holds_here(text)
    assert holds_there(text)


def test_without_cryptography_the_verifier_says_so_and_judges_nothing(tmp_path: Path) -> None:
    """Python without any package."""
    command = [sys.executable, "-I", "-S", str(VERIFIER), str(tmp_path / "event.tlog-proof"), "--key", str(PUBLIC)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1), refused
    assert "lacks the package `cryptography`" in refused.stderr and "belum terpasang" in refused.stderr


def with_leaf(leaf: bytes) -> bytes:
    """Properly signed, whatever the leaf is."""
    text = Checkpoint(NAME, 1, root(1, Tree([leaf]).node)).text
    return str(Proof(leaf, 0, (), notes.Note(text, (notes.sign(text, NAME, KEY),)))).encode()


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ("this is no proof file of an event / ini bukan berkas bukti", b""),
        (
            "this is no proof file of an event / ini bukan berkas bukti",
            str(proof()).encode().replace(b"index 5", b"index \xff"),
        ),
        ("its base64 was changed / base64-nya diubah", str(proof()).encode().replace(b"extra ", b"extra !", 1)),
        (
            "a place or a size is not a plain number",
            str(proof()).encode().replace(b"index 5", b"index " + b"9" * 5_000),
        ),
        (
            "the checkpoint is not signed with this key",
            str(proof()).encode().replace(NAME.encode(), b"other.example/log"),
        ),
        ("the event is written in a way that this program does not know", with_leaf(b"a letter")),
    ],
)
def test_a_proof_that_does_not_hold_says_why_in_one_line_of_two_languages(
    said: str, file: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the bytes are: never a traceback, and never that the question was wrong."""
    path = tmp_path / "event.tlog-proof"
    path.write_bytes(file)
    monkeypatch.setattr(sys, "argv", ["verify_proof.py", str(path), "--key", str(PUBLIC)])
    assert verify_proof.main() == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert said in line and " / " in line


@settings(max_examples=400)
@given(st.data())
def test_a_file_with_one_byte_changed_is_not_proved(data: st.DataObject) -> None:
    raw = bytearray(str(proof()).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(verify_proof.Unproved):
        verify_proof.check(verify_proof.text_of(bytes(raw)), NAME, PUBLIC.public)
