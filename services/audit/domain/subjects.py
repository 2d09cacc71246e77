"""Which participant an event is about, so that it is found again: by its key, or by the field that says so."""

from __future__ import annotations

import json
from uuid import UUID

OF_PARTICIPANT = frozenset({"participants", "contributions"})
"""Streams whose key is a participant."""
_FIELD = "participant_id"


def participant_of(stream: str, key: str, payload: bytes) -> UUID | None:
    """None for what is about nobody, or about many."""
    return _uuid(key) if stream in OF_PARTICIPANT else _uuid(_field(payload))


def _field(payload: bytes) -> object:
    if _FIELD.encode() not in payload:
        return None
    try:
        found = json.loads(payload)
    except ValueError:
        return None
    return found.get(_FIELD) if isinstance(found, dict) else None


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
