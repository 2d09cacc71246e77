"""One master key per service; every use of it has a sub-key of its own, so no box of one kind opens as another."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MASTER_KEY_BYTES = 64


def subkey(master: bytes, purpose: str) -> bytes:
    """64 bytes for this purpose (HKDF-SHA512): the size of an AES-256-SIV key."""
    if len(master) != MASTER_KEY_BYTES:
        raise ValueError(f"a master key has {MASTER_KEY_BYTES} bytes")
    return HKDF(algorithm=SHA512(), length=64, salt=None, info=f"perisai/{purpose}/1".encode()).derive(master)
