"""Agents on their way to work: proposed by the Wadah, certified by an officer, activated, suspended and reinstated by
the branch head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from chassis.http import NOT_FOUND, Principal, covers
from chassis.ids import new_id
from chassis.numbers import NumberBlocks
from chassis.outcomes import Accepted
from chassis.privacy.vault import Vault
from chassis.problems import ProblemType, Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.agency import AgentProfile, DepartureKind
from contracts.events.participants import Standing
from contracts.values import AgentId, ParticipantId, WadahId
from services.registration.commands.agency import rules_of
from services.registration.domain import agent as agents
from services.registration.domain import phone as phones
from services.registration.domain.agent import Agent, Fitness
from services.registration.domain.calendar import wib_date
from services.registration.domain.codes import agent_code
from services.registration.domain.participant import Participant
from services.registration.domain.protection import standing_at
from services.registration.domain.wadah import Wadah
from services.registration.problems import PARTICIPANT_UNKNOWN, WADAH_UNKNOWN
from services.registration.queries import deciding
from services.registration.queries.deciding import Engaged

CODES = "agent-code"


@dataclass(frozen=True, slots=True, repr=False)
class ProposeAgent:
    meta: Meta
    wadah_id: WadahId
    participant_id: ParticipantId
    name: str
    phone: str


@dataclass(frozen=True, slots=True)
class Certify:
    certificate_number: str
    certified_on: date


@dataclass(frozen=True, slots=True)
class Activate:
    pass


@dataclass(frozen=True, slots=True)
class Suspend:
    reason: str


@dataclass(frozen=True, slots=True)
class Reinstate:
    pass


@dataclass(frozen=True, slots=True)
class ProposeDeparture:
    kind: DepartureKind
    reason: str


@dataclass(frozen=True, slots=True)
class ApproveDeparture:
    pass


@dataclass(frozen=True, slots=True)
class RefuseDeparture:
    reason: str


Step = Certify | Activate | Suspend | Reinstate | ProposeDeparture | ApproveDeparture | RefuseDeparture


@dataclass(frozen=True, slots=True)
class StepOfAgent:
    """One step of an agent's way, taken by somebody of the branch, or, where the door lets it, of the Wadah."""

    meta: Meta
    principal: Principal
    agent_id: AgentId
    step: Step


class ProposingAgents:
    """The use case: nobody is an agent twice; the person is registered before."""

    def __init__(self, vault: Vault, numbers: NumberBlocks) -> None:
        self._vault, self._numbers = vault, numbers

    async def __call__(self, tx: Tx, commands: Sequence[ProposeAgent], /) -> list[Accepted | Rejected]:
        persons = [command.participant_id for command in commands]
        wadah = await deciding.wadah_by_id(tx.conn, (command.wadah_id for command in commands))
        known = await deciding.participants_by_id(tx.conn, persons)
        taken = await deciding.participants_who_are_agents(tx.conn, persons)
        codes = await self._numbers.take(CODES, len(commands))
        return [
            _propose(tx, command, agent_code(number), wadah, known, taken)
            for command, number in zip(commands, codes, strict=True)
        ]


class SteppingAgents:
    """The use case of every later step; answers the agent's id and new status."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, commands: Sequence[StepOfAgent], /) -> list[Accepted | Rejected]:
        ids = [command.agent_id for command in commands]
        await tx.heads("agents", ids)
        known = {found.work.agent.agent_id: found for found in await deciding.engaged(tx.conn, self._vault, ids=ids)}
        states = {agent_id: found.work.agent for agent_id, found in known.items()}
        return [_take(tx, command, known, states) for command in commands]


def _propose(
    tx: Tx,
    command: ProposeAgent,
    code: str,
    wadah: dict[WadahId, Wadah],
    known: dict[ParticipantId, Participant],
    taken: set[ParticipantId],
) -> Accepted | Rejected:
    organisation, phone = wadah.get(command.wadah_id), phones.normalise(command.phone)
    if organisation is None:
        return Rejected(WADAH_UNKNOWN)
    person = known.get(command.participant_id)
    if person is None or person.forgotten or not _is_within_reach(person, organisation):
        return Rejected(PARTICIPANT_UNKNOWN, "participant_id")
    if isinstance(phone, ProblemType):
        return Rejected(phone, "phone")
    agent_id = AgentId(new_id())
    decision = agents.propose(
        agent_id,
        code=code,
        wadah=organisation,
        participant_id=command.participant_id,
        profile=AgentProfile(name=command.name, phone=phone),
        taken=command.participant_id in taken,
    )
    if isinstance(decision, Rejected):
        return decision
    tx.new("agents", agent_id)
    tx.new_person(agent_id)
    scope = Scope(organisation.branch_id, organisation.wadah_id, agent_id)
    tx.record(decision, key=agent_id, meta=command.meta, scope=scope, rules=rules_of(tx).version)
    taken.add(command.participant_id)
    return Accepted({"agent_id": str(agent_id), "agent_code": code})


def _is_within_reach(person: Participant, organisation: Wadah) -> bool:
    """A board names a person of its own branch whom no other Wadah looks after; anybody else is as good as unknown."""
    return person.branch_id == organisation.branch_id and person.wadah_id in (None, organisation.wadah_id)


def _take(
    tx: Tx, command: StepOfAgent, known: dict[AgentId, Engaged], states: dict[AgentId, Agent]
) -> Accepted | Rejected:
    state = states.get(command.agent_id)
    if state is None or not covers(command.principal, branch_id=state.branch_id, wadah_id=state.wadah_id):
        return Rejected(NOT_FOUND)
    decision = _decide(tx, command, state, known[state.agent_id])
    if isinstance(decision, Rejected):
        return decision
    scope = Scope(state.branch_id, state.wadah_id, state.agent_id)
    recorded = tx.record(decision, key=state.agent_id, meta=command.meta, scope=scope, rules=rules_of(tx).version)
    states[state.agent_id] = agents.evolve(state, recorded.envelope, decision)
    return Accepted({"agent_id": str(state.agent_id), "status": str(states[state.agent_id].status)}, 200)


def _decide(tx: Tx, command: StepOfAgent, state: Agent, found: Engaged) -> Event | Rejected:
    today, rules = wib_date(tx.now), rules_of(tx)
    match command.step:
        case Certify(number, on):
            return agents.certify(state, number=number, on=on, today=today)
        case Activate():
            fitness = _fitness(tx, found)
            return agents.activate(state, fitness, today=today, checker=command.meta.actor, rules=rules)
        case Suspend(reason):
            return agents.suspend(state, reason=reason)
        case ProposeDeparture(kind, reason):
            return agents.propose_departure(state, kind=kind, reason=reason, by=command.meta.actor)
        case ApproveDeparture():
            return agents.approve_departure(state, today=today, by=command.meta.actor)
        case RefuseDeparture(reason):
            return agents.refuse_departure(state, by=command.meta.actor, reason=reason)
        case Reinstate():
            return agents.reinstate(state, _fitness(tx, found), today=today, rules=rules)
        case _:
            assert_never(command.step)


def _fitness(tx: Tx, found: Engaged) -> Fitness:
    own = found.work.own
    return Fitness(found.work.wadah, standing_at(own, tx.now) if own else Standing.EXPIRED, found.birth_date)
