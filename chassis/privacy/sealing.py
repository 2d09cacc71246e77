"""Personal data inside events: AES-256-GCM under the key of that person, bound to the event that carries it.
 A box taken from one event opens in no other, and no box opens under another person's key. A destroyed key (`None`)
makes every box of that person read as "forgotten", for ever."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PERSON_KEY_BYTES = 32
FORM = b"\x01"
"""First byte of a box: how it was made."""
NONCE_BYTES = 12


class KeyUnavailable(Exception):
    """The key of a person is not at hand: an infrastructure matter, so back off and fetch it. Not a ValueError, so
    pydantic lets it through."""

    def __init__(self, subject: UUID) -> None:
        super().__init__(f"no key at hand for subject {subject}")
        self.subject = subject


class BoxUnreadable(ValueError):
    """A box was altered, comes from another event, or is none of ours."""


class EventSealer:
    """Seals and opens the boxes of one event. Satisfies contracts.sealed.Sealer."""

    def __init__(self, event_id: UUID, keys: Mapping[UUID, bytes | None]) -> None:
        """`keys`: subject → key of 32 bytes, or None when that person is forgotten; absent means not at hand."""
        self._event_id = event_id.bytes
        self._keys = keys

    def seal(self, subject: UUID, plaintext: bytes) -> str | None:
        """The box; None when the person is forgotten. Raises KeyUnavailable."""
        key = self._key(subject)
        if key is None:
            return None
        nonce = os.urandom(NONCE_BYTES)
        ciphertext = AESGCM(key).encrypt(nonce, plaintext, self._event_id + subject.bytes)
        return base64.b64encode(FORM + nonce + ciphertext).decode()

    def open(self, subject: UUID, box: str) -> bytes | None:
        """What was sealed; None when the person is forgotten. Raises KeyUnavailable or BoxUnreadable."""
        key = self._key(subject)
        if key is None:
            return None
        try:
            raw = base64.b64decode(box, validate=True)
            if raw[:1] != FORM:
                raise BoxUnreadable("the box is of no known form")
            nonce, ciphertext = raw[1 : 1 + NONCE_BYTES], raw[1 + NONCE_BYTES :]
            return AESGCM(key).decrypt(nonce, ciphertext, self._event_id + subject.bytes)
        except (InvalidTag, ValueError):
            raise BoxUnreadable("the box was altered or belongs to another event or person") from None

    def _key(self, subject: UUID) -> bytes | None:
        try:
            return self._keys[subject]
        except KeyError:
            raise KeyUnavailable(subject) from None
