"""Bytes as text, one text for each: what is signed must not be writable in two ways."""

from __future__ import annotations

import base64
import binascii


def to_text(raw: bytes) -> str:
    """Base64 of RFC 4648 section 4."""
    return base64.b64encode(raw).decode()


def to_bytes(text: str) -> bytes:
    """Only what `to_text` writes: raises ValueError for anything else, also for base64 with spare bits set."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None
    if to_text(raw) != text:
        raise ValueError("not base64")
    return raw
