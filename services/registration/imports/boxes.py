"""Uploaded bytes at rest: AES-256-GCM in parts, each bound to its import and place, so parts can be neither read,
moved nor left out unseen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
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
    def __init__(self, master_key: bytes) -> None:
        """`master_key`: 64 bytes, this service's own."""
        self._cipher = AESGCM(subkey(master_key, "import-files")[:32])

    def close(self, import_id: UUID, content: bytes) -> list[bytes]:
        """The parts to store, in order; the number of parts is bound into each."""
        starts = range(0, len(content), PART_BYTES)
        return [
            self._part(content[start : start + PART_BYTES], _place(import_id, number, len(starts)))
            for number, start in enumerate(starts)
        ]

    def open(self, import_id: UUID, boxes: Sequence[bytes]) -> bytes:
        """The content of all parts, in order. Raises UnreadableFile."""
        return b"".join(self._opened(import_id, boxes))

    def _part(self, content: bytes, place: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, place)

    def _opened(self, import_id: UUID, boxes: Sequence[bytes]) -> Iterable[bytes]:
        for number, box in enumerate(boxes):
            try:
                yield self._cipher.decrypt(
                    box[:_NONCE_BYTES], box[_NONCE_BYTES:], _place(import_id, number, len(boxes))
                )
            except InvalidTag:
                raise UnreadableFile(f"part {number} of import {import_id} cannot be opened") from None


def _place(import_id: UUID, number: int, parts: int) -> bytes:
    return import_id.bytes + number.to_bytes(4, "big") + parts.to_bytes(4, "big")
