"""A copy of everything held about a person: asked for, and handed over within the duty (`duty.py`; UU 27/2022 Art. 7, 32)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.exports import ExportGiven, ExportRequested
from contracts.values import ExportId, ParticipantId
from services.registration.domain.calendar import wib_date
from services.registration.domain.fold import ImpossibleHistory
from services.registration.domain.parameters import EXPORT, ExportRules, in_force


class ExportStatus(StrEnum):
    REQUESTED = "REQUESTED"
    GIVEN = "GIVEN"
    ERASED = "ERASED"
    """The person was erased before it was given: nothing is owed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """The last request about a participant. `given_at` None: still owed."""

    participant_id: ParticipantId
    export_id: ExportId
    requested_by: str
    requested_at: datetime
    given_by: str | None = None
    given_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.given_at is None

    def status(self, *, forgotten: bool = False) -> ExportStatus:
        """`forgotten`: the person was erased."""
        if not self.is_open:
            return ExportStatus.GIVEN
        return ExportStatus.ERASED if forgotten else ExportStatus.REQUESTED


def rules_on(now: datetime) -> ExportRules:
    return in_force(EXPORT, wib_date(now))


def evolve(state: Export | None, envelope: Envelope, event: Event) -> Export:
    """Folds one event of stream `exports`."""
    match event:
        case ExportRequested() if state is None or not state.is_open:
            return Export(
                participant_id=event.participant_id,
                export_id=event.export_id,
                requested_by=envelope.actor,
                requested_at=envelope.occurred_at,
            )
        case ExportGiven() if state is not None and state.is_open:
            return replace(state, given_by=envelope.actor, given_at=envelope.occurred_at)
    raise ImpossibleHistory(state, event)
