"""Who looks after participants passes on: proposed within the scope of whoever asks, decided by the branch head, and, where an agent has left,
brought to the branch by the calendar's side, some participants at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.http import NOT_FOUND, Principal, covers
from chassis.ids import new_id
from chassis.outcomes import Accepted, Done
from chassis.privacy.vault import Vault
from chassis.problems import INVALID, FieldError, Rejected
from chassis.timers import Due
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.agency import ReassignmentApproved
from contracts.events.participants import ParticipantReassigned
from contracts.values import AgentId, BranchId, ContributionMonth, ParticipantId, ReassignmentId
from services.registration.commands.agency import rules_of
from services.registration.domain import reassignment as deciding
from services.registration.domain.agent import Agent
from services.registration.domain.calendar import wib_date
from services.registration.domain.participant import Participant, evolve
from services.registration.domain.reassignment import Manager, Reassignment
from services.registration.problems import NOT_A_MANAGER, PARTICIPANT_UNKNOWN
from services.registration.queries import deciding as loads

STREAM, PARTICIPANTS = "reassignments", "participants"


@dataclass(frozen=True, slots=True)
class ProposeReassignment:
    """`agent_id` None: to the branch."""

    meta: Meta
    principal: Principal
    participants: tuple[ParticipantId, ...]
    agent_id: AgentId | None
    reason: str


@dataclass(frozen=True, slots=True)
class DecideReassignment:
    """`refused_for` None: approved."""

    meta: Meta
    principal: Principal
    reassignment_id: ReassignmentId
    refused_for: str | None


class ProposingReassignments:
    """The use case: nothing passes on yet. Answers the new id."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, commands: Sequence[ProposeReassignment], /) -> list[Accepted | Rejected]:
        people = await loads.participants_by_id(tx.conn, {one for c in commands for one in c.participants})
        managers = await _managers(tx, self._vault, (c.agent_id for c in commands))
        return [_propose(tx, command, people, managers) for command in commands]


def _propose(
    tx: Tx,
    command: ProposeReassignment,
    people: dict[ParticipantId, Participant],
    managers: dict[AgentId, Manager],
) -> Accepted | Rejected:
    found = [_in_reach(command.principal, people.get(one)) for one in command.participants]
    theirs = [person for person in found if person is not None]
    branches = {person.branch_id for person in theirs}
    if len(theirs) < len(found) or len(branches) != 1 or None in branches:
        return _unknown(found, branches)
    branch_id = BranchId(_only(branches))
    to = None if command.agent_id is None else managers.get(command.agent_id)
    if command.agent_id is not None and (to is None or not _may_name(command.principal, to)):
        return Rejected(NOT_A_MANAGER, "agent_id")
    decision = deciding.propose(
        ReassignmentId(new_id()),
        theirs,
        branch_id=branch_id,
        to=to,
        reason=command.reason,
        by=command.meta.actor,
        today=wib_date(tx.now),
    )
    if isinstance(decision, Rejected):
        return decision
    key = decision.reassignment_id
    tx.new(STREAM, key)
    scope = Scope(branch_id, theirs[0].wadah_id, theirs[0].agent_id)
    tx.record(decision, key=key, meta=command.meta, scope=scope, rules=rules_of(tx).version)
    return Accepted({"reassignment_id": str(key), "status": "PENDING"})


def _in_reach(principal: Principal, person: Participant | None) -> Participant | None:
    """A foreign participant is as unknown as one that is not there."""
    if person is None:
        return None
    own = covers(principal, branch_id=person.branch_id, wadah_id=person.wadah_id, agent_id=person.agent_id)
    return person if own else None


def _may_name(principal: Principal, to: Manager) -> bool:
    """An officer names an agent of the branch, a board or an agent one of the own Wadah."""
    return covers(principal, branch_id=to.agent.branch_id, wadah_id=to.agent.wadah_id) or (
        "agent" in principal.roles and principal.wadah_id == to.agent.wadah_id
    )


def _unknown(found: Sequence[Participant | None], branches: set[BranchId | None]) -> Rejected:
    """Names every participant who is out of reach, or who is of another branch than the first."""
    first = next((person.branch_id for person in found if person is not None), None)
    problem = PARTICIPANT_UNKNOWN
    errors = tuple(
        FieldError(f"participants.{place}", problem.code, problem.id, problem.en)
        for place, person in enumerate(found)
        if person is None or person.branch_id is None or person.branch_id != first
    )
    return Rejected(INVALID, errors[0].field if len(errors) == 1 else None, errors=errors)


def _only(branches: set[BranchId | None]) -> UUID:
    (branch_id,) = branches
    assert branch_id is not None
    return branch_id


class DecidingReassignments:
    """The use case: an approval passes everybody on in its own transaction. Answers id and status."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, commands: Sequence[DecideReassignment], /) -> list[Accepted | Rejected]:
        wanted = {command.reassignment_id for command in commands}
        named = await loads.reassignments_by_id(tx.conn, wanted)
        await tx.heads(STREAM, wanted)
        people = {one for state in named.values() for one in state.participants}
        await tx.heads(PARTICIPANTS, people)
        states = await loads.reassignments_by_id(tx.conn, wanted)
        known = await loads.participants_by_id(tx.conn, people)
        managers = await _managers(tx, self._vault, (state.agent_id for state in states.values()))
        return [_decide(tx, command, states, known, managers) for command in commands]


def _decide(
    tx: Tx,
    command: DecideReassignment,
    states: dict[ReassignmentId, Reassignment],
    people: dict[ParticipantId, Participant],
    managers: dict[AgentId, Manager],
) -> Accepted | Rejected:
    state = states.get(command.reassignment_id)
    if state is None or not covers(command.principal, branch_id=state.branch_id):
        return Rejected(NOT_FOUND)
    decision = _decision(tx, command, state, managers)
    if isinstance(decision, Rejected):
        return decision
    key = state.reassignment_id
    recorded = tx.record(
        decision, key=key, meta=command.meta, scope=Scope(state.branch_id, state.wadah_id), rules=rules_of(tx).version
    )
    states[key] = deciding.evolve(state, recorded.envelope, decision)
    if isinstance(decision, ReassignmentApproved):
        theirs = [people[one] for one in state.participants if one in people]
        for event in deciding.carry_out(state, theirs, decision.from_month):
            _pass_on(tx, people, event, command.meta)
    return Accepted({"reassignment_id": str(key), "status": str(states[key].status)}, 200)


def _decision(
    tx: Tx, command: DecideReassignment, state: Reassignment, managers: dict[AgentId, Manager]
) -> Event | Rejected:
    by, today = command.meta.actor, wib_date(tx.now)
    if command.refused_for is not None:
        return deciding.refuse(state, by=by, reason=command.refused_for)
    to = None if state.agent_id is None else managers.get(state.agent_id)
    return deciding.approve(state, to, by=by, today=today, month=ContributionMonth.of(tx.now))


class HandingOver:
    """The use case of the timer: participants of agents who left come to the branch. A key is a participant."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> list[Done]:
        wanted = {ParticipantId(UUID(item.key)) for item in items}
        await tx.heads(PARTICIPANTS, wanted)
        people = await loads.participants_by_id(tx.conn, wanted)
        of_them = {person.agent_id for person in people.values() if person.agent_id is not None}
        agents = await loads.agents_by_id(tx.conn, self._vault, of_them)
        for item in items:
            _hand_over(tx, people, agents, item)
        return [Done() for _ in items]


def _hand_over(tx: Tx, people: dict[ParticipantId, Participant], agents: dict[AgentId, Agent], item: Due) -> None:
    person = people.get(ParticipantId(UUID(item.key)))
    manager = None if person is None or person.agent_id is None else agents.get(person.agent_id)
    if person is not None and manager is not None and (event := deciding.hand_over(person, manager)) is not None:
        _pass_on(tx, people, event, item.meta)


def _pass_on(tx: Tx, people: dict[ParticipantId, Participant], event: ParticipantReassigned, meta: Meta) -> None:
    """Recorded in the scope it stood in: whoever lost the participant may see that, too."""
    person = people[event.participant_id]
    scope = Scope(person.branch_id, person.wadah_id, person.agent_id)
    recorded = tx.record(event, key=event.participant_id, meta=meta, scope=scope, rules=rules_of(tx).version)
    people[event.participant_id] = evolve(person, recorded.envelope, event)


async def _managers(tx: Tx, vault: Vault, ids: Iterable[AgentId | None]) -> dict[AgentId, Manager]:
    wanted = {one for one in ids if one is not None}
    found = await loads.at_work(tx.conn, vault, ids=wanted, codes=())
    return {work.agent.agent_id: Manager(work.agent, work.wadah) for work in found}
