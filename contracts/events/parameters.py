"""Topic `contributions`, stream `parameters`: dated parameter sets, proposed by one person and approved by another.

Key: the kind, with a subject `<kind>:<subject>`. Who proposed and who approved is the `actor` of the event.
"""

from __future__ import annotations

from datetime import date

from pydantic import JsonValue

from contracts.event import Event
from contracts.values import Code, Count, LongText, ParameterSetId, ShortText


class ParameterSetProposed(Event, stream="parameters"):
    """A set that waits for a second person. `value` is what its kind declares; `number` counts the proposals of the key."""

    set_id: ParameterSetId
    kind: Code
    subject: ShortText | None
    number: Count
    set_version: ShortText
    valid_from: date
    source: LongText
    value: dict[str, JsonValue]


class ParameterSetApproved(Event, stream="parameters"):
    """From 00:00 WIB of its `valid_from` this set holds, until a newer one does. It is never edited."""

    set_id: ParameterSetId
    kind: Code
    subject: ShortText | None
    set_version: ShortText


class ParameterSetWithdrawn(Event, stream="parameters"):
    """A proposal came to nothing."""

    set_id: ParameterSetId
    kind: Code
    subject: ShortText | None
    reason: LongText


EVENTS: tuple[type[Event], ...] = (ParameterSetProposed, ParameterSetApproved, ParameterSetWithdrawn)
