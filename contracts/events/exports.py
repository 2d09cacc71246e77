"""A copy of everything held about a person (UU 27/2022 Art. 7, 32): asked for, then handed over. No event here holds personal data.

A stream of its own: the copy changes nothing of the person, and whoever follows participants need not know of it.
"""

from __future__ import annotations

from contracts.event import Event
from contracts.values import ExportId, ParticipantId


class ExportRequested(Event, stream="exports"):
    """The person, or somebody for the person, asked; the actor is who took the request."""

    participant_id: ParticipantId
    export_id: ExportId


class ExportGiven(Event, stream="exports"):
    """The copy was made and handed to the person; the actor is who did it."""

    participant_id: ParticipantId
    export_id: ExportId


EVENTS: tuple[type[Event], ...] = (ExportRequested, ExportGiven)
