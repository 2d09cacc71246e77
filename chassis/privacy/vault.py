"""Stored copies of personal data: encrypted so that a cell opens in its own place only, and found by keyed hash.
 AES-256-SIV is deterministic: the same text in the same cell gives the same bytes, so a replay can be compared with
the live table. The price is that equal values of one cell over time are seen to be equal; table, column and row in
the associated data keep other cells apart."""

from __future__ import annotations

import hmac
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from chassis.privacy import looks
from chassis.privacy.derive import subkey

FORM = b"\x01"
"""First byte of a box: how it was made."""


class UnreadableCell(ValueError):
    """An encrypted cell was altered, moved, or written under another master key. Names the place, never the value."""


class Vault:
    def __init__(self, master_key: bytes, nik_hash_key: bytes) -> None:
        """`master_key`: 64 bytes, this service's own; `nik_hash_key`: 32 bytes, the same in every service."""
        self._cipher = AESSIV(subkey(master_key, "vault"))
        self._hash_key = subkey(master_key, "content-hash")
        self._nik_hash_key = nik_hash_key

    def seal(self, table: str, column: str, row: str | UUID, text: str | None) -> bytes | None:
        """The bytes to store in that cell; None stays None."""
        if text is None:
            return None
        return FORM + self._cipher.encrypt(text.encode(), _place(table, column, row))

    def open(
        self,
        table: str,
        column: str,
        row: str | UUID,
        box: bytes | None,
        *,
        of: UUID | None = None,
        personal: bool = True,
    ) -> str | None:
        """The text of that cell; on record as seen, where an answer is being made (`chassis.privacy.looks`). `of`: the participant whose it is;
        not `personal`: a secret of an institution. Raises UnreadableCell when the box does not belong there.
        """
        if box is None:
            return None
        try:
            if box[:1] != FORM:
                raise InvalidTag
            text = self._cipher.decrypt(bytes(box[1:]), _place(table, column, row)).decode()
        except (InvalidTag, ValueError):
            raise UnreadableCell(f"{table}.{column} of {row}: altered, moved or under another key") from None
        if personal:
            looks.note(table, column, row, of)
        return text

    def nik_hash(self, nik: str) -> str:
        """HMAC-SHA256, hex, of a NIK (16 digits): equal in every service, worthless without the key."""
        return hmac.digest(self._nik_hash_key, nik.encode(), "sha256").hex()

    def keyed_hash(self, content: bytes) -> str:
        """HMAC-SHA256, hex, under this service's own key: tells equal contents from different ones, and nothing else."""
        return hmac.digest(self._hash_key, content, "sha256").hex()


def _place(table: str, column: str, row: str | UUID) -> list[bytes]:
    return [*_cells(table, column), str(row).encode()]


@lru_cache(maxsize=1_024)
def _cells(table: str, column: str) -> tuple[bytes, bytes]:
    """A service has few columns of personal data, and very many rows."""
    return table.encode(), column.encode()
