"""The hash tree of the archive (RFC 6962) and what proves that a later one continues an earlier one (RFC 9162, 2.1.4.2), written a second time."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

DASH = "\N{EM DASH} "


def hash_of(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def above(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Growing:
    """A tree that is given its leaves one by one. `peaks`: (leaves under it, hash), ever smaller."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        """`leaf`: its hash."""
        self.size += 1
        self.peaks.append((1, leaf))
        while len(self.peaks) > 1 and self.peaks[-1][0] == self.peaks[-2][0]:
            (_, right), (width, left) = self.peaks.pop(), self.peaks.pop()
            self.peaks.append((2 * width, above(left, right)))

    @property
    def root(self) -> bytes:
        if not self.peaks:
            return sha256(b"").digest()
        found = self.peaks[-1][1]
        for _, peak in reversed(self.peaks[:-1]):
            found = above(peak, found)
        return found


def continues(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the tree of `second` leaves begins with that of `first` (0 < first < second)."""
    proof = [first_root, *path] if first & (first - 1) == 0 else [*path]
    if not proof:
        return False
    f, s = first - 1, second - 1
    while f & 1:
        f, s = f >> 1, s >> 1
    older = newer = proof[0]
    for hash_ in proof[1:]:
        if s == 0:
            return False
        if f & 1 or f == s:
            older, newer = above(hash_, older), above(hash_, newer)
            while f and not f & 1:
                f, s = f >> 1, s >> 1
        else:
            newer = above(newer, hash_)
        f, s = f >> 1, s >> 1
    return s == 0 and older == first_root and newer == second_root


def note_of(log: str, size: int, root: bytes) -> str:
    """The text that is signed for a checkpoint."""
    return f"{log}\n{size}\n{base64.b64encode(root).decode()}\n"


def is_signed(note: str, log: str, public_key: bytes) -> bool:
    """Whether a line under the note is the log's signature of what stands above the empty line."""
    text, _, lines = note.rpartition("\n\n")
    for line in lines.splitlines():
        name, _, encoded = line.removeprefix(DASH).partition(" ")
        if name != log:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(encoded)[4:], f"{text}\n".encode())
        except (InvalidSignature, ValueError):
            continue
        return True
    return False
