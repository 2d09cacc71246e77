"""Opening what is sealed, by the checker's own reading of the formats: sub-keys, vault cells, boxes in events, wrapped keys, files, letters.

Keys come from the facts and from the tables that keep them; nothing opened here is ever shown, only searched.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FORM, NONCE = b"\x01", 12


def subkey(master: bytes, purpose: str) -> bytes:
    """64 bytes for one use of a service's master key."""
    return HKDF(algorithm=SHA512(), length=64, salt=None, info=f"perisai/{purpose}/1".encode()).derive(master)


@dataclass(frozen=True)
class ServiceKeys:
    """What one service's master key opens. Every method gives None where the box does not open there."""

    master: bytes

    @classmethod
    def of(cls, text: str) -> ServiceKeys:
        """From base64."""
        return cls(base64.b64decode(text))

    def cells(self) -> CellKey:
        return CellKey(AESSIV(subkey(self.master, "vault")))

    def unwrap(self, kind: str, name: str, wrapped: bytes) -> bytes | None:
        """A person's key ("person", subject) or that of a day's letters ("dead-letters", day)."""
        try:
            cipher = AESSIV(subkey(self.master, "key-wrap"))
            return cipher.decrypt(wrapped, [kind.encode(), name.encode()])
        except (InvalidTag, ValueError):
            return None

    def content_hash(self, content: bytes) -> str:
        return hmac.digest(subkey(self.master, "content-hash"), content, "sha256").hex()

    def file_part(self, purpose: str, file_id: UUID, number: int, parts: int, box: bytes) -> bytes | None:
        """One part of an uploaded file; `purpose` says under which key files of that kind are."""
        place = file_id.bytes + number.to_bytes(4, "big") + parts.to_bytes(4, "big")
        return _gcm(subkey(self.master, purpose)[:32], box, place)


@dataclass(frozen=True)
class CellKey:
    """Opens cells of the tables of one service; each is bound to table, column and row."""

    cipher: AESSIV

    def open(self, table: str, column: str, row: str, box: bytes) -> bytes | None:
        if box[:1] != FORM:
            return None
        try:
            return self.cipher.decrypt(box[1:], [table.encode(), column.encode(), row.encode()])
        except (InvalidTag, ValueError):
            return None


def open_sealed(key: bytes, event_id: str, subject: str, box: str) -> bytes | None:
    """A box inside an event, bound to the event and to the person."""
    try:
        raw = base64.b64decode(box, validate=True)
        place = UUID(event_id).bytes + UUID(subject).bytes
    except ValueError:
        return None
    return _gcm(key, raw[1:], place) if raw[:1] == FORM else None


def open_letter(key: bytes, place: str, box: bytes) -> bytes | None:
    """A dead letter, bound to where its record was found."""
    return _gcm(key, box, place.encode())


def person_keys(keeper: ServiceKeys, rows: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """Subject → key; None: destroyed."""
    return {
        subject: None if wrapped is None else keeper.unwrap("person", subject, wrapped)
        for subject, wrapped in rows.items()
    }


def _gcm(key: bytes, box: bytes, place: bytes) -> bytes | None:
    try:
        return AESGCM(key).decrypt(box[:NONCE], box[NONCE:], place)
    except (InvalidTag, ValueError):
        return None
