"""Signatures as a bank makes them, from the published formulas (snap.md sections 2 and 4)."""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256


def digest(body: bytes) -> str:
    """SHA-256 of the body, lower-case hex."""
    return hashlib.sha256(body).hexdigest()


def with_secret(secret: str, text: str) -> bytes:
    """HMAC-SHA512, raw."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha512).digest()


def with_key(key: rsa.RSAPrivateKey, text: str) -> bytes:
    """SHA256withRSA, raw."""
    return key.sign(text.encode(), PKCS1v15(), SHA256())


def as_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
