"""The proof that one event is in the log, as a file that needs nothing else (C2SP tlog-proof): the leaf, its path, a signed checkpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.audit.domain import notes
from services.audit.domain.base64text import to_bytes, to_text
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.merkle import OutOfTree, leaf_hash, root_of_inclusion
from services.audit.domain.notes import BadNote, Note, NoteKey

FIRST_LINE = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


class BadProof(ValueError):
    """It proves nothing; the text says why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """`leaf`: the event as `leaves` writes it. `index`: its place, from 0. `path`: hashes from the leaf's sibling up."""

    leaf: bytes
    index: int
    path: tuple[bytes, ...]
    checkpoint: Note

    def __str__(self) -> str:
        lines = [FIRST_LINE, f"extra {to_text(self.leaf)}", f"index {self.index}", *map(to_text, self.path), ""]
        return "\n".join(lines) + "\n" + str(self.checkpoint)

    @classmethod
    def parse(cls, text: str) -> Proof:
        """Reads what `str` wrote. Raises BadProof."""
        head, blank, rest = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != FIRST_LINE or not blank or len(lines) < 2:
            raise BadProof(f"a proof begins with {FIRST_LINE}, the event and its place, and ends with a checkpoint")
        kind, _, encoded = lines[0].partition(" ")
        found = _INDEX.fullmatch(lines[1])
        if kind != "extra" or found is None:
            raise BadProof("the second line is the event, the third its place")
        try:
            checkpoint = notes.parse(rest)
        except BadNote as error:
            raise BadProof(f"its checkpoint is none: {error}") from None
        proof = cls(_bytes(encoded), int(found[1]), tuple(map(_bytes, lines[2:])), checkpoint)
        if str(proof) != text:
            raise BadProof("it is not written as proofs are: a character was changed that means nothing")
        return proof

    def check(self, keys: Sequence[NoteKey]) -> Checkpoint:
        """The checkpoint under which this event is proved. Raises BadProof unless one of the keys signed it and the path leads to its root."""
        try:
            checkpoint = Checkpoint.parse(self.checkpoint.text)
            signed = [key for key in keys if self.checkpoint.is_signed_by(key)]
        except BadNote as error:
            raise BadProof(str(error)) from None
        if not any(key.name == checkpoint.origin and key.kind == notes.ED25519 for key in signed):
            raise BadProof("its checkpoint is not signed by the log's key")
        try:
            root = root_of_inclusion(leaf_hash(self.leaf), self.index, checkpoint.size, self.path)
        except OutOfTree as error:
            raise BadProof(str(error)) from None
        if root != checkpoint.root:
            raise BadProof(
                "the event was changed, or is not in this log at this place: the path does not lead to the root"
            )
        return checkpoint


def _bytes(text: str) -> bytes:
    try:
        return to_bytes(text)
    except ValueError as error:
        raise BadProof(str(error)) from None
