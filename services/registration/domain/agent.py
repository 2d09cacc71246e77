"""Agents of a Wadah: proposed by its board, certified by an officer (maker), activated by the branch head (checker).

Only an ACTIVE agent registers people or is credited with them (Perban BPJSTK 1/2023 Art. 7; state names are ours).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from chassis.problems import Rejected
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.agency import (
    AgentActivated,
    AgentCertified,
    AgentDepartureProposed,
    AgentDepartureRefused,
    AgentDismissed,
    AgentDropped,
    AgentProfile,
    AgentProposed,
    AgentReinstated,
    AgentSuspended,
    DepartureKind,
)
from contracts.events.erasure import AgentForgotten
from contracts.events.participants import Standing
from contracts.sealed import Sealed
from contracts.values import AgentId, BranchId, ParticipantId, WadahId
from services.registration.domain.calendar import completed_years, months_later
from services.registration.domain.fold import ImpossibleHistory
from services.registration.domain.parameters import AgencyRules
from services.registration.domain.wadah import Wadah
from services.registration.problems import (
    AGENT_PARTICIPATION_NOT_ACTIVE,
    AGENT_RETURN_TOO_EARLY,
    AGENT_STEP,
    AGENT_UNDER_AGE,
    AGREEMENT_NOT_IN_FORCE,
    ALREADY_AGENT,
    CERTIFICATE_DATE,
    CHECKER_IS_MAKER,
    NO_DEPARTURE,
    SAME_PERSON,
)


class AgentStatus(StrEnum):
    PROPOSED = "PROPOSED"
    CERTIFIED = "CERTIFIED"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    DROPPED = "DROPPED"
    DISMISSED = "DISMISSED"


GONE = (AgentStatus.DROPPED, AgentStatus.DISMISSED)
"""Nobody is looked after by them any more."""


@dataclass(frozen=True, slots=True)
class Departure:
    """What somebody proposed and nobody has decided."""

    kind: DepartureKind
    reason: str
    proposed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    agent_id: AgentId
    code: str
    wadah_id: WadahId
    branch_id: BranchId
    participant_id: ParticipantId
    """The agent's own BPU participation."""
    status: AgentStatus
    profile: AgentProfile | None
    """None once the person was forgotten."""
    certificate_number: str | None = None
    certified_on: date | None = None
    certified_by: str | None = None
    activated_on: date | None = None
    departure: Departure | None = None
    left_on: date | None = None
    """The WIB day on which the agent was dropped or dismissed."""


@dataclass(frozen=True, slots=True)
class Fitness:
    """What activation looks at besides the agent: the agreement, and the agent's own participation on the day."""

    wadah: Wadah
    own_standing: Standing
    birth_date: date | None


def propose(
    agent_id: AgentId, *, code: str, wadah: Wadah, participant_id: ParticipantId, profile: AgentProfile, taken: bool
) -> AgentProposed | Rejected:
    """The Wadah names one of its members; nobody is an agent twice."""
    if taken:
        return Rejected(ALREADY_AGENT, "participant_id")
    return AgentProposed(
        agent_id=agent_id,
        code=code,
        wadah_id=wadah.wadah_id,
        branch_id=wadah.branch_id,
        participant_id=participant_id,
        profile=Sealed(agent_id, profile),
    )


def certify(state: Agent, *, number: str, on: date, today: date) -> AgentCertified | Rejected:
    """The officer records training and exam."""
    if state.status is not AgentStatus.PROPOSED:
        return _step(state, AgentStatus.PROPOSED)
    if on > today:
        return Rejected(CERTIFICATE_DATE, "certified_on")
    return AgentCertified(agent_id=state.agent_id, certificate_number=number, certified_on=on)


def activate(
    state: Agent, fitness: Fitness, *, today: date, checker: str, rules: AgencyRules
) -> AgentActivated | Rejected:
    """The branch head lets the agent work; not the person who certified the agent."""
    if state.status is not AgentStatus.CERTIFIED:
        return _step(state, AgentStatus.CERTIFIED)
    if state.certified_by == checker:
        return Rejected(CHECKER_IS_MAKER)
    return unfit(fitness, today=today, rules=rules) or AgentActivated(agent_id=state.agent_id, activated_on=today)


def suspend(state: Agent, *, reason: str) -> AgentSuspended | Rejected:
    if state.status is not AgentStatus.ACTIVE:
        return _step(state, AgentStatus.ACTIVE)
    return AgentSuspended(agent_id=state.agent_id, reason=reason)


def reinstate(state: Agent, fitness: Fitness, *, today: date, rules: AgencyRules) -> AgentReinstated | Rejected:
    """As activation: whoever comes back is fit on the day. Who was dropped comes back after `return_months` at the earliest (Perdir 13/2022)."""
    if state.status is AgentStatus.DROPPED and state.left_on is not None:
        if today < months_later(state.left_on, rules.return_months):
            return Rejected(AGENT_RETURN_TOO_EARLY, None, {"months": str(rules.return_months)}, rules.version)
    elif state.status is not AgentStatus.SUSPENDED:
        return _step(state, AgentStatus.SUSPENDED)
    return unfit(fitness, today=today, rules=rules) or AgentReinstated(agent_id=state.agent_id)


def propose_departure(state: Agent, *, kind: DepartureKind, reason: str, by: str) -> AgentDepartureProposed | Rejected:
    """Board or officer ask for it; whether the months without result are there is on the agent's activity, for the two who decide."""
    if state.status not in (AgentStatus.ACTIVE, AgentStatus.SUSPENDED):
        return _step(state, AgentStatus.ACTIVE)
    return AgentDepartureProposed(agent_id=state.agent_id, kind=kind, reason=reason, proposed_by=by)


def approve_departure(state: Agent, *, today: date, by: str) -> AgentDropped | AgentDismissed | Rejected:
    """The branch head's step; never that of whoever proposed it."""
    waiting = state.departure
    if waiting is None:
        return Rejected(NO_DEPARTURE)
    if waiting.proposed_by == by:
        return Rejected(SAME_PERSON)
    if waiting.kind is DepartureKind.DISMISSAL:
        return AgentDismissed(agent_id=state.agent_id, dismissed_on=today, reason=waiting.reason)
    return AgentDropped(agent_id=state.agent_id, dropped_on=today, reason=waiting.reason)


def refuse_departure(state: Agent, *, by: str, reason: str) -> AgentDepartureRefused | Rejected:
    if state.departure is None:
        return Rejected(NO_DEPARTURE)
    return AgentDepartureRefused(agent_id=state.agent_id, refused_by=by, reason=reason)


def unfit(fitness: Fitness, *, today: date, rules: AgencyRules) -> Rejected | None:
    """Why this person may not work today: age ≥ 18, own BPU participation ACTIVE, PKS in force (Perban 1/2023 Art.
    7).
    """
    if fitness.birth_date is None or completed_years(fitness.birth_date, today) < rules.agent_age_min:
        return Rejected(AGENT_UNDER_AGE, None, {"min": str(rules.agent_age_min)}, rules.version)
    if fitness.own_standing is not Standing.ACTIVE:
        return Rejected(AGENT_PARTICIPATION_NOT_ACTIVE, None, {}, rules.version)
    if not fitness.wadah.in_force_on(today):
        return Rejected(AGREEMENT_NOT_IN_FORCE, None, {}, rules.version)
    return None


def evolve(state: Agent | None, envelope: Envelope, event: Event) -> Agent:
    """Folds one event of stream `agents`."""
    match state, event:
        case None, AgentProposed():
            return Agent(
                agent_id=event.agent_id,
                code=event.code,
                wadah_id=event.wadah_id,
                branch_id=event.branch_id,
                participant_id=event.participant_id,
                status=AgentStatus.PROPOSED,
                profile=event.profile.value,
            )
        case Agent(), AgentCertified():
            return replace(
                state,
                status=AgentStatus.CERTIFIED,
                certificate_number=event.certificate_number,
                certified_on=event.certified_on,
                certified_by=envelope.actor,
            )
        case Agent(), AgentActivated():
            return replace(state, status=AgentStatus.ACTIVE, activated_on=event.activated_on)
        case Agent(), AgentSuspended():
            return replace(state, status=AgentStatus.SUSPENDED)
        case Agent(), AgentReinstated():
            return replace(state, status=AgentStatus.ACTIVE, left_on=None)
        case Agent(), AgentDepartureProposed():
            return replace(state, departure=Departure(event.kind, event.reason, event.proposed_by))
        case Agent(), AgentDepartureRefused():
            return replace(state, departure=None)
        case Agent(), AgentDropped():
            return replace(state, status=AgentStatus.DROPPED, departure=None, left_on=event.dropped_on)
        case Agent(), AgentDismissed():
            return replace(state, status=AgentStatus.DISMISSED, departure=None, left_on=event.dismissed_on)
        case Agent(), AgentForgotten():
            return replace(state, profile=None)
        case _:
            raise ImpossibleHistory(state, event)


def _step(state: Agent, expected: AgentStatus) -> Rejected:
    return Rejected(AGENT_STEP, None, {"status": state.status, "expected": expected})
