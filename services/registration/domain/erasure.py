"""Erasing a person: asked for by the central office, held against what the law keeps, answered by whoever else holds something, then carried out.

Legal retention wins over the wish (UU 27/2022 Art. 15 and 43); `retention_years` counts from the end of the participation, or of the
office of an agent. Who never paid leaves no books, and may go once the registration has expired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from chassis.problems import FieldError
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.erasure import (
    ErasureChecked,
    ErasureCleared,
    ErasureGround,
    ErasureObstacle,
    ErasureRefused,
    ErasureRequested,
    ParticipantForgotten,
)
from contracts.events.participants import Standing
from contracts.values import BranchId, ErasureId, ParticipantId
from services.registration.domain.agent import GONE, Agent
from services.registration.domain.calendar import months_later, wib_date
from services.registration.domain.export import Export
from services.registration.domain.fold import ImpossibleHistory
from services.registration.domain.parameters import ERASURE, ErasureRules, in_force
from services.registration.domain.participant import Participant, Spell
from services.registration.domain.protection import lapses_at, standing_at
from services.registration.problems import COPY_OWED, ERASURE_OBSTACLES, field_error

OfErasure = ErasureRequested | ErasureRefused | ErasureCleared | ParticipantForgotten


class ErasureStatus(StrEnum):
    REQUESTED = "REQUESTED"
    CLEARED = "CLEARED"
    REFUSED = "REFUSED"
    FORGOTTEN = "FORGOTTEN"


OPEN = (ErasureStatus.REQUESTED, ErasureStatus.CLEARED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """The last request about a participant."""

    participant_id: ParticipantId
    erasure_id: ErasureId
    ground: ErasureGround
    status: ErasureStatus
    branch_id: BranchId | None
    requested_by: str
    requested_at: datetime
    decided_at: datetime | None = None
    obstacles: tuple[ErasureObstacle, ...] = ()
    retained_until: date | None = None
    copy_owed: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What stands against it in registration. `retained_until` is known where RETENTION is among them."""

    obstacles: tuple[ErasureObstacle, ...] = ()
    retained_until: date | None = None
    copy_owed: bool = False

    @property
    def bars(self) -> bool:
        return bool(self.obstacles) or self.copy_owed


def rules_on(now: datetime) -> ErasureRules:
    return in_force(ERASURE, wib_date(now))


def check(person: Participant, agents: Sequence[Agent], copy: Export | None = None, *, now: datetime) -> Found:
    """`agents`: every office the person has or had. `copy`: the last request for one."""
    until = retained_until(person, agents, rules_on(now))
    return Found(
        tuple(_obstacles(person, agents, until, now)),
        until if until and wib_date(now) < until else None,
        copy is not None and copy.is_open,
    )


def _obstacles(
    person: Participant, agents: Sequence[Agent], until: date | None, now: datetime
) -> Iterator[ErasureObstacle]:
    match standing_at(person, now):
        case Standing.REGISTERED:
            yield ErasureObstacle.REGISTRATION_OPEN
        case Standing.ACTIVE | Standing.GRACE:
            yield ErasureObstacle.PROTECTED
        case _ if until is not None and wib_date(now) < until:
            yield ErasureObstacle.RETENTION
    if any(agent.status not in GONE for agent in agents):
        yield ErasureObstacle.AGENT_IN_OFFICE


def retained_until(person: Participant, agents: Sequence[Agent], rules: ErasureRules) -> date | None:
    """The first day on which nothing of it need be kept; None where there never was a participation or an office."""
    ends = [_ended_on(person, spell) for spell in person.spells]
    ends += [agent.left_on for agent in agents if agent.left_on is not None]
    return months_later(max(ends), 12 * rules.retention_years) if ends else None


def _ended_on(person: Participant, spell: Spell) -> date:
    """The day of death, or that from which on it could be paid no more; of a spell whose payments were all voided that of the registration."""
    if spell.died_on is not None:
        return spell.died_on
    return wib_date(lapses_at(spell)) if spell.payments else person.registered_on


def request(
    erasure_id: ErasureId,
    person: Participant,
    agents: Sequence[Agent],
    copy: Export | None,
    ground: ErasureGround,
    *,
    now: datetime,
) -> ErasureRequested | ErasureRefused:
    """Of somebody who was not forgotten and of whom no request is open."""
    found = check(person, agents, copy, now=now)
    if found.bars:
        return _refused(person.participant_id, erasure_id, ground, found)
    return ErasureRequested(participant_id=person.participant_id, erasure_id=erasure_id, ground=ground)


def on_checked(known: Erasure | None, told: ErasureChecked) -> ErasureCleared | ErasureRefused | None:
    """What payments' answer does; nothing where it is no answer to an open request."""
    if known is None or known.erasure_id != told.erasure_id or known.status is not ErasureStatus.REQUESTED:
        return None
    if told.obstacles:
        return _refused(known.participant_id, known.erasure_id, known.ground, Found(told.obstacles))
    return ErasureCleared(participant_id=known.participant_id, erasure_id=known.erasure_id)


def carry_out(
    known: Erasure, person: Participant, agents: Sequence[Agent], copy: Export | None, *, now: datetime
) -> ParticipantForgotten | ErasureRefused:
    """Of a cleared request: registration looks once more, as a payment, an office or a wish for a copy may have come since."""
    found = check(person, agents, copy, now=now)
    if found.bars:
        return _refused(known.participant_id, known.erasure_id, known.ground, found)
    return ParticipantForgotten(
        participant_id=known.participant_id, erasure_id=known.erasure_id, nik_hash=person.nik_hash
    )


def obstacles_told(refused: ErasureRefused | Erasure | Found) -> list[FieldError]:
    """Each obstacle with what to do, in both languages."""
    until = "" if refused.retained_until is None else refused.retained_until.isoformat()
    every = [*(ERASURE_OBSTACLES[one] for one in refused.obstacles), *([COPY_OWED] if refused.copy_owed else [])]
    return [field_error(one, "participant_id", retained_until=until) for one in every]


def _refused(
    participant_id: ParticipantId, erasure_id: ErasureId, ground: ErasureGround, found: Found
) -> ErasureRefused:
    return ErasureRefused(
        participant_id=participant_id,
        erasure_id=erasure_id,
        ground=ground,
        obstacles=found.obstacles,
        retained_until=found.retained_until,
        copy_owed=found.copy_owed,
    )


def evolve(state: Erasure | None, envelope: Envelope, event: Event) -> Erasure:
    """Folds what stream `participants` tells of erasures."""
    match event:
        case ErasureRequested():
            return _asked(envelope, event, ErasureStatus.REQUESTED)
        case ErasureRefused():
            asked = state if state and state.erasure_id == event.erasure_id else None
            return replace(
                asked or _asked(envelope, event, ErasureStatus.REFUSED),
                status=ErasureStatus.REFUSED,
                decided_at=envelope.occurred_at,
                obstacles=event.obstacles,
                retained_until=event.retained_until,
                copy_owed=event.copy_owed,
            )
        case ErasureCleared() if state is not None:
            return replace(state, status=ErasureStatus.CLEARED)
        case ParticipantForgotten() if state is not None:
            return replace(state, status=ErasureStatus.FORGOTTEN, decided_at=envelope.occurred_at)
    raise ImpossibleHistory(state, event)


def _asked(envelope: Envelope, event: ErasureRequested | ErasureRefused, status: ErasureStatus) -> Erasure:
    return Erasure(
        participant_id=event.participant_id,
        erasure_id=event.erasure_id,
        ground=event.ground,
        status=status,
        branch_id=BranchId(envelope.branch_id) if envelope.branch_id else None,
        requested_by=envelope.actor,
        requested_at=envelope.occurred_at,
    )
