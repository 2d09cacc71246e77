"""Alih binaan: who looks after participants passes to another agent or to the branch, proposed by one person and decided by another.

It takes effect from the first contribution month after the decision and never changes protection (Perdir 22/2022; domain.md section 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from chassis.problems import Rejected
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.agency import ReassignmentApproved, ReassignmentProposed, ReassignmentRefused
from contracts.events.participants import ParticipantReassigned
from contracts.values import AgentId, BranchId, ContributionMonth, ParticipantId, ReassignmentId, WadahId
from services.registration.domain.agent import GONE, Agent, AgentStatus
from services.registration.domain.fold import ImpossibleHistory
from services.registration.domain.participant import Participant
from services.registration.domain.wadah import Wadah
from services.registration.problems import NOT_A_MANAGER, REASSIGNMENT_DECIDED, SAME_PERSON

MOST_PARTICIPANTS = 200
"""Of one reassignment: they all pass in the transaction of its approval."""
DEPARTED = {AgentStatus.DROPPED: "agent_dropped", AgentStatus.DISMISSED: "agent_dismissed"}


class ReassignmentStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reassignment:
    reassignment_id: ReassignmentId
    branch_id: BranchId
    participants: tuple[ParticipantId, ...]
    agent_id: AgentId | None
    """Who is to look after them; None: the branch."""
    wadah_id: WadahId | None
    reason: str
    proposed_by: str
    proposed_at: datetime
    status: ReassignmentStatus = ReassignmentStatus.PENDING
    decided_by: str | None = None
    decision: str | None = None
    """Why it was refused."""
    from_month: ContributionMonth | None = None


@dataclass(frozen=True, slots=True)
class Manager:
    """An agent who is to take participants over, with the agreement he works under."""

    agent: Agent
    wadah: Wadah

    def may_take(self, branch_id: BranchId, today: date) -> bool:
        at_work = self.agent.status is AgentStatus.ACTIVE and self.wadah.in_force_on(today)
        return at_work and self.agent.branch_id == branch_id


def propose(
    reassignment_id: ReassignmentId,
    people: Iterable[Participant],
    *,
    branch_id: BranchId,
    to: Manager | None,
    reason: str,
    by: str,
    today: date,
) -> ReassignmentProposed | Rejected:
    """`people`: of this branch, each once. `to` None: the branch takes them over."""
    if to is not None and not to.may_take(branch_id, today):
        return Rejected(NOT_A_MANAGER, "agent_id")
    return ReassignmentProposed(
        reassignment_id=reassignment_id,
        branch_id=branch_id,
        participants=tuple(person.participant_id for person in people),
        agent=None if to is None else to.agent.agent_id,
        wadah=None if to is None else to.agent.wadah_id,
        reason=reason,
        proposed_by=by,
    )


def approve(
    state: Reassignment, to: Manager | None, *, by: str, today: date, month: ContributionMonth
) -> ReassignmentApproved | Rejected:
    """The branch head's step, in `month`. Whoever is to take over must still be at work."""
    if state.status is not ReassignmentStatus.PENDING:
        return Rejected(REASSIGNMENT_DECIDED)
    if state.proposed_by == by:
        return Rejected(SAME_PERSON)
    if state.agent_id is not None and (to is None or not to.may_take(state.branch_id, today)):
        return Rejected(NOT_A_MANAGER)
    return ReassignmentApproved(reassignment_id=state.reassignment_id, approved_by=by, from_month=month + 1)


def refuse(state: Reassignment, *, by: str, reason: str) -> ReassignmentRefused | Rejected:
    if state.status is not ReassignmentStatus.PENDING:
        return Rejected(REASSIGNMENT_DECIDED)
    return ReassignmentRefused(reassignment_id=state.reassignment_id, refused_by=by, reason=reason)


def carry_out(
    state: Reassignment, people: Iterable[Participant], from_month: ContributionMonth
) -> Iterator[ParticipantReassigned]:
    """What it changes: nothing for those whom the new manager looks after already, or who left the branch meanwhile."""
    for person in people:
        if person.branch_id == state.branch_id and person.agent_id != state.agent_id:
            yield ParticipantReassigned(
                participant_id=person.participant_id,
                agent=state.agent_id,
                wadah=state.wadah_id,
                from_month=from_month,
                reason=state.reason,
            )


def hand_over(person: Participant, manager: Agent) -> ParticipantReassigned | None:
    """Of an agent who was dropped or dismissed to the branch, which manages until somebody else is named. None when that is done.

    From the month after the departure on, whenever the sweep comes to it.
    """
    if manager.status not in GONE or manager.left_on is None or person.agent_id != manager.agent_id:
        return None
    return ParticipantReassigned(
        participant_id=person.participant_id,
        agent=None,
        wadah=None,
        from_month=ContributionMonth(manager.left_on.year, manager.left_on.month) + 1,
        reason=DEPARTED[manager.status],
    )


def evolve(state: Reassignment | None, envelope: Envelope, event: Event) -> Reassignment:
    """Folds one event of stream `reassignments`."""
    match state, event:
        case None, ReassignmentProposed():
            return Reassignment(
                reassignment_id=event.reassignment_id,
                branch_id=event.branch_id,
                participants=event.participants,
                agent_id=event.agent,
                wadah_id=event.wadah,
                reason=event.reason,
                proposed_by=event.proposed_by,
                proposed_at=envelope.occurred_at,
            )
        case Reassignment(), ReassignmentApproved():
            return replace(
                state,
                status=ReassignmentStatus.APPROVED,
                decided_by=event.approved_by,
                from_month=event.from_month,
            )
        case Reassignment(), ReassignmentRefused():
            return replace(state, status=ReassignmentStatus.REFUSED, decided_by=event.refused_by, decision=event.reason)
        case _:
            raise ImpossibleHistory(state, event)
