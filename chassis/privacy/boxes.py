"""Uploaded bytes at rest: AES-256-GCM in parts, each bound to its file and place, so parts can be neither read,
moved nor left out unseen.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.privacy.derive import subkey

PART_BYTES: Final = 256 * 1024
_NONCE_BYTES: Final = 12


class UnreadableFile(ValueError):
    """A stored part was altered, moved, or is under another master key."""


class FileBoxes:
    def __init__(self, master_key: bytes, purpose: str) -> None:
        """`master_key`: 64 bytes, this service's own; boxes of one purpose do not open as those of another."""
        self._cipher = AESGCM(subkey(master_key, purpose)[:32])

    def close(self, file_id: UUID, content: bytes) -> list[bytes]:
        """The parts to store, in order, of equal size; the number of parts is bound into each."""
        starts = range(0, len(content), PART_BYTES)
        return self.close_parts(file_id, [content[start : start + PART_BYTES] for start in starts])

    def close_parts(self, file_id: UUID, contents: Sequence[bytes]) -> list[bytes]:
        """As `close`, cut by the caller, who can then open a part by itself."""
        return [self._part(content, _place(file_id, number, len(contents))) for number, content in enumerate(contents)]

    def open(self, file_id: UUID, boxes: Sequence[bytes]) -> bytes:
        """The content of all parts, in order. Raises UnreadableFile."""
        return b"".join(self.open_part(file_id, number, len(boxes), box) for number, box in enumerate(boxes))

    def open_part(self, file_id: UUID, number: int, parts: int, box: bytes) -> bytes:
        """The content of one part of so many. Raises UnreadableFile."""
        try:
            return self._cipher.decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _place(file_id, number, parts))
        except InvalidTag:
            raise UnreadableFile(f"part {number} of file {file_id} cannot be opened") from None

    def _part(self, content: bytes, place: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, place)


def _place(file_id: UUID, number: int, parts: int) -> bytes:
    return file_id.bytes + number.to_bytes(4, "big") + parts.to_bytes(4, "big")
