"""Outreach sessions (sosialisasi): planned by the Wadah or the branch, joined by the branch when it takes part, held
or cancelled.

`JOINT` sessions wait for the branch: PLANNED → JOINT_REQUESTED → JOINT_CONFIRMED → HELD (domain.md section 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from chassis.problems import Rejected
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.events.agency import (
    Audience,
    OutreachCancelled,
    OutreachHeld,
    OutreachJoined,
    OutreachKind,
    OutreachPlanned,
)
from contracts.values import AgentId, BranchId, OutreachId, WadahId
from services.registration.domain.agent import Agent, AgentStatus
from services.registration.domain.calendar import wib_date
from services.registration.domain.fold import ImpossibleHistory
from services.registration.domain.parameters import AgencyRules, RegistrationRules
from services.registration.problems import (
    OUTREACH_AGENTS,
    OUTREACH_CANCELLED,
    OUTREACH_EARLY,
    OUTREACH_NOT_STARTED,
    OUTREACH_OFFICERS,
    OUTREACH_STEP,
    OUTREACH_TIMES,
    OUTREACH_TOO_OLD,
    OUTREACH_UNKNOWN,
)


class OutreachStatus(StrEnum):
    PLANNED = "PLANNED"
    JOINT_REQUESTED = "JOINT_REQUESTED"
    JOINT_CONFIRMED = "JOINT_CONFIRMED"
    HELD = "HELD"
    CANCELLED = "CANCELLED"


OPEN = (OutreachStatus.PLANNED, OutreachStatus.JOINT_REQUESTED, OutreachStatus.JOINT_CONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outreach:
    outreach_id: OutreachId
    branch_id: BranchId
    wadah_id: WadahId
    kind: OutreachKind
    status: OutreachStatus
    place: str
    starts_at: datetime
    ends_at: datetime
    audience: tuple[Audience, ...]
    agents: tuple[AgentId, ...]
    officers: tuple[str, ...]
    head_count: int | None = None
    questions: str | None = None


def plan(wanted: Outreach, agents: Sequence[Agent], *, rules: AgencyRules) -> OutreachPlanned | Rejected:
    """A session of at least one active agent, all of the same Wadah. `agents`: those of `wanted.agents` that exist."""
    if not timedelta(0) < wanted.ends_at - wanted.starts_at <= timedelta(hours=rules.session_max_hours):
        return Rejected(OUTREACH_TIMES, "ends_at", {"hours": str(rules.session_max_hours)}, rules.version)
    ours = [agent for agent in agents if agent.wadah_id == wanted.wadah_id]
    if len(ours) != len(set(wanted.agents)) or not any(agent.status is AgentStatus.ACTIVE for agent in ours):
        return Rejected(OUTREACH_AGENTS, "agents", {}, rules.version)
    return OutreachPlanned(
        outreach_id=wanted.outreach_id,
        branch_id=wanted.branch_id,
        wadah_id=wanted.wadah_id,
        kind=wanted.kind,
        place=wanted.place,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        audience=wanted.audience,
        agents=wanted.agents,
        officers=wanted.officers,
    )


def join(state: Outreach, *, officers: tuple[str, ...]) -> OutreachJoined | Rejected:
    """The branch confirms its presence by name."""
    if state.status is not OutreachStatus.JOINT_REQUESTED:
        return _step(state, OutreachStatus.JOINT_REQUESTED)
    if not officers:
        return Rejected(OUTREACH_OFFICERS, "officers")
    return OutreachJoined(outreach_id=state.outreach_id, officers=officers)


def hold(state: Outreach, *, head_count: int, questions: str, now: datetime) -> OutreachHeld | Rejected:
    """The session took place. A JOINT one needs the branch's confirmation first."""
    if state.status not in (OutreachStatus.PLANNED, OutreachStatus.JOINT_CONFIRMED):
        return _step(state, OutreachStatus.PLANNED, OutreachStatus.JOINT_CONFIRMED)
    if now < state.starts_at:
        return Rejected(OUTREACH_EARLY)
    return OutreachHeld(outreach_id=state.outreach_id, head_count=head_count, questions=questions)


def cancel(state: Outreach, *, reason: str) -> OutreachCancelled | Rejected:
    if state.status not in OPEN:
        return _step(state, *OPEN)
    return OutreachCancelled(outreach_id=state.outreach_id, reason=reason)


def unlinkable(
    state: Outreach | None, *, branch_id: BranchId, wadah_id: WadahId | None, today: date, rules: RegistrationRules
) -> Rejected | None:
    """Why a registration made today may not name this session: it names one of its own branch and Wadah, up to 30
    days after it.
    """
    if state is None or state.branch_id != branch_id or (wadah_id is not None and state.wadah_id != wadah_id):
        return Rejected(OUTREACH_UNKNOWN, "outreach_id", {}, rules.version)
    if state.status is OutreachStatus.CANCELLED:
        return Rejected(OUTREACH_CANCELLED, "outreach_id", {}, rules.version)
    if today < wib_date(state.starts_at):
        return Rejected(OUTREACH_NOT_STARTED, "outreach_id", {}, rules.version)
    if today > wib_date(state.ends_at) + timedelta(days=rules.session_link_days):
        return Rejected(OUTREACH_TOO_OLD, "outreach_id", {"days": str(rules.session_link_days)}, rules.version)
    return None


def evolve(state: Outreach | None, envelope: Envelope, event: Event) -> Outreach:
    """Folds one event of stream `outreach`."""
    match state, event:
        case None, OutreachPlanned():
            return _planned(event)
        case Outreach(), OutreachJoined():
            return replace(state, status=OutreachStatus.JOINT_CONFIRMED, officers=event.officers)
        case Outreach(), OutreachHeld():
            return replace(state, status=OutreachStatus.HELD, head_count=event.head_count, questions=event.questions)
        case Outreach(), OutreachCancelled():
            return replace(state, status=OutreachStatus.CANCELLED)
        case _:
            raise ImpossibleHistory(state, event)


def _planned(event: OutreachPlanned) -> Outreach:
    joint = event.kind is OutreachKind.JOINT
    return Outreach(
        outreach_id=event.outreach_id,
        branch_id=event.branch_id,
        wadah_id=event.wadah_id,
        kind=event.kind,
        status=OutreachStatus.JOINT_REQUESTED if joint else OutreachStatus.PLANNED,
        place=event.place,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        audience=event.audience,
        agents=event.agents,
        officers=event.officers,
    )


def _step(state: Outreach, *expected: OutreachStatus) -> Rejected:
    return Rejected(OUTREACH_STEP, None, {"status": state.status, "expected": "/".join(expected)})
