"""Outreach sessions: planned by an agent, the Wadah's board or an officer, joined by the branch, held or cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from chassis.http import NOT_FOUND, Principal, covers
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.agency import Audience, OutreachKind
from contracts.values import AgentId, OutreachId, WadahId
from services.registration.commands.agency import rules_of
from services.registration.domain import outreach as sessions
from services.registration.domain.agent import Agent
from services.registration.domain.outreach import Outreach, OutreachStatus
from services.registration.domain.wadah import Wadah
from services.registration.problems import WADAH_UNKNOWN
from services.registration.queries import deciding


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOutreach:
    """The branch of a session is that of the Wadah's agreement."""

    meta: Meta
    principal: Principal
    wadah_id: WadahId
    kind: OutreachKind
    place: str
    starts_at: datetime
    ends_at: datetime
    audience: tuple[Audience, ...]
    agents: tuple[AgentId, ...]
    officers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join:
    officers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hold:
    head_count: int
    questions: str


@dataclass(frozen=True, slots=True)
class Cancel:
    reason: str


@dataclass(frozen=True, slots=True)
class StepOfOutreach:
    meta: Meta
    principal: Principal
    outreach_id: OutreachId
    step: Join | Hold | Cancel


class PlanningOutreach:
    """The use case: a session of one Wadah and its branch."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def __call__(self, tx: Tx, commands: Sequence[PlanOutreach], /) -> list[Accepted | Rejected]:
        named = {agent_id for command in commands for agent_id in command.agents}
        wadah = await deciding.wadah_by_id(tx.conn, (command.wadah_id for command in commands))
        agents = await deciding.agents_by_id(tx.conn, self._vault, named)
        return [_plan(tx, command, wadah, agents) for command in commands]


async def step_outreach(tx: Tx, commands: Sequence[StepOfOutreach], /) -> list[Accepted | Rejected]:
    ids = [command.outreach_id for command in commands]
    await tx.heads("outreach", ids)
    known = await deciding.outreach_by_id(tx.conn, ids)
    return [_take(tx, command, known) for command in commands]


def _plan(
    tx: Tx, command: PlanOutreach, wadah: dict[WadahId, Wadah], agents: dict[AgentId, Agent]
) -> Accepted | Rejected:
    organisation = wadah.get(command.wadah_id)
    if organisation is None or not _may_plan(command, organisation):
        return Rejected(WADAH_UNKNOWN, "wadah_id")
    wanted = _wanted(command, organisation)
    named = [agents[agent_id] for agent_id in set(wanted.agents) if agent_id in agents]
    decision = sessions.plan(wanted, named, rules=rules_of(tx))
    if isinstance(decision, Rejected):
        return decision
    tx.new("outreach", wanted.outreach_id)
    scope = Scope(wanted.branch_id, wanted.wadah_id)
    recorded = tx.record(decision, key=wanted.outreach_id, meta=command.meta, scope=scope, rules=rules_of(tx).version)
    status = sessions.evolve(None, recorded.envelope, decision).status
    return Accepted({"outreach_id": str(wanted.outreach_id), "status": str(status)})


def _wanted(command: PlanOutreach, organisation: Wadah) -> Outreach:
    return Outreach(
        outreach_id=OutreachId(new_id()),
        branch_id=organisation.branch_id,
        wadah_id=organisation.wadah_id,
        kind=command.kind,
        status=OutreachStatus.PLANNED,
        place=command.place,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        audience=command.audience,
        agents=command.agents,
        officers=command.officers,
    )


def _take(tx: Tx, command: StepOfOutreach, known: dict[OutreachId, Outreach]) -> Accepted | Rejected:
    state = known.get(command.outreach_id)
    if state is None or not may_touch(command.principal, state):
        return Rejected(NOT_FOUND)
    decision = _decide(tx, command.step, state)
    if isinstance(decision, Rejected):
        return decision
    scope = Scope(state.branch_id, state.wadah_id)
    recorded = tx.record(decision, key=state.outreach_id, meta=command.meta, scope=scope, rules=rules_of(tx).version)
    known[state.outreach_id] = sessions.evolve(state, recorded.envelope, decision)
    status = known[state.outreach_id].status
    return Accepted({"outreach_id": str(state.outreach_id), "status": str(status)}, 200)


def _decide(tx: Tx, step: Join | Hold | Cancel, state: Outreach) -> Event | Rejected:
    match step:
        case Join(officers):
            return sessions.join(state, officers=officers)
        case Hold(head_count, questions):
            return sessions.hold(state, head_count=head_count, questions=questions, now=tx.now)
        case Cancel(reason):
            return sessions.cancel(state, reason=reason)
        case _:
            assert_never(step)


def _may_plan(command: PlanOutreach, organisation: Wadah) -> bool:
    """An agent plans for the own Wadah and takes part."""
    principal = command.principal
    if "agent" in principal.roles and principal.agent_id in command.agents:
        return principal.wadah_id == organisation.wadah_id
    return covers(principal, branch_id=organisation.branch_id, wadah_id=organisation.wadah_id)


def may_touch(principal: Principal, state: Outreach) -> bool:
    """The branch, the Wadah's board, and the agents who take part."""
    if "agent" in principal.roles and principal.agent_id in state.agents:
        return True
    return covers(principal, branch_id=state.branch_id, wadah_id=state.wadah_id)
