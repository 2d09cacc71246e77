"""Which participant and which bill an event is about, so that it is found again: by its key, or by the field that says so."""

from __future__ import annotations

import json
from typing import NamedTuple
from uuid import UUID

OF_PARTICIPANT = frozenset({"participants", "contributions"})
"""Streams whose key is a participant."""
_PARTICIPANT, _BILL = "participant_id", "bill_id"


class Subjects(NamedTuple):
    """None for what is about nobody and nothing of the kind, or about many."""

    participant_id: UUID | None
    bill_id: UUID | None


def subjects_of(stream: str, key: str, payload: bytes) -> Subjects:
    """What the event itself says; a payload that is no JSON says nothing."""
    told = _told(payload, asked=(_BILL,) if stream in OF_PARTICIPANT else (_PARTICIPANT, _BILL))
    return Subjects(_uuid(key if stream in OF_PARTICIPANT else told.get(_PARTICIPANT)), _uuid(told.get(_BILL)))


def _told(payload: bytes, asked: tuple[str, ...]) -> dict[str, object]:
    """The fields, where any that is asked for can be among them: most events name none, and are not parsed."""
    if not any(name.encode() in payload for name in asked):
        return {}
    try:
        found = json.loads(payload)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
