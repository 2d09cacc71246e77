"""What a person's copy says: the cells and boxes that are theirs opened, other people on the same line left out by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from chassis.privacy import looks
from chassis.privacy.sealing import BoxUnreadable, EventSealer
from chassis.privacy.vault import UnreadableCell, Vault
from contracts.envelope import Envelope

SOMEBODY_ELSE: Final = "somebody_else"
"""In place of another participant's number, and of what was sealed for another person."""
UNREADABLE: Final = "unreadable"
"""In place of what no key opens any more because it was altered by hand; `perisai audit verify` says more."""


def cell(vault: Vault, table: str, column: str, place: str, box: bytes | None, who: UUID) -> str | None:
    """The text of an encrypted cell, or UNREADABLE."""
    try:
        return vault.open(table, column, place, box, of=who)
    except UnreadableCell:
        return UNREADABLE


def data(envelope: Envelope, payload: bytes, keys: Mapping[UUID, bytes | None], who: UUID) -> dict[str, Any]:
    """What an event says. `keys`: of the person, and of the other ids under which something is sealed for them."""
    opened = _Boxes(EventSealer(envelope.event_id, keys), keys, who).opened(json.loads(payload))
    told: dict[str, Any] = without_others(opened, who)
    return told


def without_others(value: Any, who: UUID, name: str = "") -> Any:
    """The value with every participant in it who is another left out, however deep they stand."""
    if isinstance(value, Mapping):
        return {inner: without_others(one, who, inner) for inner, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_others(one, who, name) for one in value]
    if name in ("participant_id", "participants") and value is not None and str(value) != str(who):
        return SOMEBODY_ELSE
    return value


class _Boxes:
    """Those of one event."""

    def __init__(self, sealer: EventSealer, keys: Mapping[UUID, bytes | None], who: UUID) -> None:
        self._sealer, self._keys, self._who = sealer, keys, who

    def opened(self, part: Any) -> Any:
        """With every box of the person's opened, whatever the field is called."""
        match part:
            case {"sealed_for": str(subject), "box": str() | None as box}:
                return self._box(UUID(subject), box)
            case dict():
                return {name: self.opened(one) for name, one in part.items()}
            case list():
                return [self.opened(one) for one in part]
        return part

    def _box(self, subject: UUID, box: str | None) -> Any:
        if subject not in self._keys:
            return SOMEBODY_ELSE
        try:
            text = None if box is None else self._sealer.open(subject, box)
        except BoxUnreadable:
            return UNREADABLE
        if text is None:
            return None
        looks.note("event_log", "payload", self._who, self._who)  # no vault opened it, so it is put on record here
        return json.loads(text)
