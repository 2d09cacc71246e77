"""Checkpoints: what a log was at one size, as the text that is signed (C2SP tlog-checkpoint)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from services.audit.domain import notes
from services.audit.domain.base64text import to_bytes, to_text
from services.audit.domain.merkle import HASH_BYTES, OutOfTree, roots_of_consistency
from services.audit.domain.notes import BadNote, NoteKey

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class Contradiction(Exception):
    """Two checkpoints of one log of which the later is no continuation of the earlier: somebody rewrote the log."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`origin`: the log's name for ever. `size`: leaves. `root`: 32 bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Three lines."""
        return f"{self.origin}\n{self.size}\n{to_text(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Reads a checkpoint's text; further lines are passed over, as the standard says. Raises BadNote."""
        lines = text.split("\n")
        if len(lines) < 4 or not all(lines[:-1]):
            raise BadNote("a checkpoint has three lines: origin, size, root / bukan titik periksa")
        origin, size, encoded = lines[:3]
        if not _SIZE.fullmatch(size):
            raise BadNote("the size of a checkpoint is a decimal number / ukurannya bukan bilangan")
        try:
            root = to_bytes(encoded)
        except ValueError:
            root = b""
        if len(root) != HASH_BYTES:
            raise BadNote("the root of a checkpoint is 32 bytes in base64 / akarnya tidak sah")
        return cls(origin, int(size), root)


def read_signed(text: str, key: NoteKey) -> Checkpoint:
    """The checkpoint of a note. Raises BadNote when it is none, of another log than the key's, or not signed with it."""
    note = notes.parse(text)
    found = Checkpoint.parse(note.text)
    if found.origin != key.name:
        raise BadNote(f"it is of {found.origin}, and this is {key.name} / log lain")
    if not note.is_signed_by(key):
        raise BadNote(f"it is not signed by {key.name} / tidak ditandatangani kunci itu")
    return found


def check_continues(older: Checkpoint, newer: Checkpoint, path: list[bytes]) -> None:
    """Raises Contradiction unless `path` proves that the newer log begins with the older one; BadNote for checkpoints of two logs."""
    if older.origin != newer.origin:
        raise BadNote("these are checkpoints of two logs / titik periksa dari dua log")
    if older.size == 0 and not path:
        return
    if older.size == newer.size and not path:
        roots = newer.root, older.root
    else:
        try:
            roots = roots_of_consistency(older.size, newer.size, older.root, path)
        except OutOfTree as error:
            raise Contradiction(f"its proof is of another log / buktinya dari log lain: {error}") from None
    if roots != (older.root, newer.root):
        raise Contradiction(
            f"the log of {newer.size} leaves does not begin with the {older.size} of the older checkpoint"
            f" / log dengan {newer.size} daun tidak diawali {older.size} dari titik periksa yang lebih lama"
        )
