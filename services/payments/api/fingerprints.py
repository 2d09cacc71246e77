"""How a public key is named where people compare keys."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.payments.domain.snap.signing import public_key


def fingerprint(pem: str) -> str:
    """SHA-256 of the key's DER form, hex. Raises UnfitKey."""
    der = public_key(pem).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()
