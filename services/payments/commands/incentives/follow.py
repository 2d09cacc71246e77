"""What payments notes of agents and agreements: topic `agency`, written down as its own events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, assert_never

from chassis.outcomes import Done
from chassis.records import Outcome, Received
from chassis.transaction import Tx
from contracts.event import Event
from contracts.events.agency import (
    AgentActivated,
    AgentDismissed,
    AgentDropped,
    AgentProposed,
    AgentReinstated,
    AgentSuspended,
    AgreementRenewed,
    WadahEnded,
    WadahEngaged,
)
from contracts.events.incentives import (
    AgentLeftNoted,
    AgentNoted,
    AgentStep,
    AgentStepNoted,
    AgreementEndNoted,
    AgreementNoted,
    AgreementRenewalNoted,
)
from services.payments.domain.incentives.workers import NOTING

E = TypeVar("E", bound=Event)
OfWadah = WadahEngaged | AgreementRenewed | WadahEnded
OfAgent = AgentProposed | AgentActivated | AgentSuspended | AgentReinstated | AgentDropped | AgentDismissed
HANDLED: tuple[type[Event], ...] = (
    WadahEngaged,
    AgreementRenewed,
    WadahEnded,
    AgentProposed,
    AgentActivated,
    AgentSuspended,
    AgentReinstated,
    AgentDropped,
    AgentDismissed,
)


async def follow_agency(tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
    """One outcome per event of topic `agency`, in their order. Each is noted as it is; nothing is decided on what was noted before."""
    await tx.heads("agreements", {item.event.wadah_id for item in items if isinstance(item.event, OfWadah)})
    await tx.heads("agent-notes", {item.event.agent_id for item in items if isinstance(item.event, OfAgent)})
    for item in items:
        _note(tx, item)
    return [Done() for _ in items]


def _note(tx: Tx, item: Received) -> None:
    event = item.event
    if isinstance(event, OfWadah):
        tx.record(_of_wadah(event), key=event.wadah_id, meta=item.meta, scope=item.scope, rules=NOTING)
    elif isinstance(event, OfAgent):
        tx.record(_of_agent(item, event), key=event.agent_id, meta=item.meta, scope=item.scope, rules=NOTING)


def _of_wadah(event: OfWadah) -> AgreementNoted | AgreementRenewalNoted | AgreementEndNoted:
    match event:
        case WadahEngaged():
            return _same(AgreementNoted, event)
        case AgreementRenewed():
            return _same(AgreementRenewalNoted, event)
        case WadahEnded():
            return _same(AgreementEndNoted, event)
        case _:
            assert_never(event)


def _of_agent(item: Received, event: OfAgent) -> AgentNoted | AgentStepNoted | AgentLeftNoted:
    at = item.envelope.occurred_at
    match event:
        case AgentProposed():
            return _same(AgentNoted, event)
        case AgentActivated():
            return AgentStepNoted(agent_id=event.agent_id, step=AgentStep.ACTIVATED, at=at)
        case AgentSuspended():
            return AgentStepNoted(agent_id=event.agent_id, step=AgentStep.SUSPENDED, at=at)
        case AgentReinstated():
            return AgentStepNoted(agent_id=event.agent_id, step=AgentStep.REINSTATED, at=at)
        case AgentDropped() | AgentDismissed():
            dismissed = isinstance(event, AgentDismissed)
            return AgentLeftNoted(agent_id=event.agent_id, at=at, dismissed=dismissed)
        case _:
            assert_never(event)


def _same(noted: type[E], event: Event) -> E:
    """What is noted of an event under its very names."""
    return noted(**{name: getattr(event, name) for name in noted.model_fields})
