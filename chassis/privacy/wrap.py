"""Keys at rest: person keys and dead-letter keys are stored only wrapped under the service's master key, each bound
to what it is for."""

from __future__ import annotations

from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from chassis.privacy.derive import subkey


class UnreadableKey(ValueError):
    """A wrapped key was altered, swapped, or wrapped under another master key."""


class KeyWrap:
    def __init__(self, master_key: bytes) -> None:
        """`master_key`: 64 bytes, this service's own."""
        self._cipher = AESSIV(subkey(master_key, "key-wrap"))

    def wrap(self, kind: str, name: str | UUID, key: bytes) -> bytes:
        """The bytes to store; they unwrap for the same kind and name only (`"person"` and the subject,
        `"dead-letters"` and the day)."""
        return self._cipher.encrypt(key, [kind.encode(), str(name).encode()])

    def unwrap(self, kind: str, name: str | UUID, wrapped: bytes) -> bytes:
        """The key. Raises UnreadableKey."""
        try:
            return self._cipher.decrypt(bytes(wrapped), [kind.encode(), str(name).encode()])
        except (InvalidTag, ValueError):
            raise UnreadableKey(
                f"the wrapped {kind} key of {name} was altered or is under another master key"
            ) from None
