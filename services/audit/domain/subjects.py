"""Which participant and which bill an event is about, so that it is found again: by its key, or by the field that says so."""

from __future__ import annotations

import json
from typing import Final, NamedTuple
from uuid import UUID

OF_PARTICIPANT = frozenset({"participants", "contributions"})
"""Streams whose key is a participant."""
READS: Final = "reads-"
"""Streams that tell whose data was looked at begin so: an event of theirs is about many, and about nobody's state."""
_PARTICIPANT, _BILL = "participant_id", "bill_id"


class Subjects(NamedTuple):
    """None for what is about nobody and nothing of the kind, or about many."""

    participant_id: UUID | None
    bill_id: UUID | None


def subjects_of(stream: str, key: str, payload: bytes) -> Subjects:
    """What the event itself says; a payload that is no JSON says nothing."""
    told = _told(payload, asked=(_BILL,) if stream in OF_PARTICIPANT else (_PARTICIPANT, _BILL))
    return Subjects(_uuid(key if stream in OF_PARTICIPANT else told.get(_PARTICIPANT)), _uuid(told.get(_BILL)))


def shown_of(stream: str, payload: bytes) -> frozenset[UUID]:
    """Whose personal data the event gave away; empty for all but reads."""
    if not stream.startswith(READS):
        return frozenset()
    opened = _told(payload, asked=("opened",)).get("opened")
    parts = [part for part in opened if isinstance(part, dict)] if isinstance(opened, list) else []
    lists = [part.get("persons") for part in parts]
    named = {_uuid(one) for persons in lists if isinstance(persons, list) for one in persons}
    return frozenset(named - {None})  # type: ignore[arg-type]  # mypy does not follow the difference


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
