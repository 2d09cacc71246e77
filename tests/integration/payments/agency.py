"""An invented Wadah and its agents, as registration's events would tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from chassis.ids import new_id
from chassis.records import Record
from chassis.transaction import Scope
from contracts.events.agency import (
    AgentActivated,
    AgentProfile,
    AgentProposed,
    AgentSuspended,
    AgreementRenewed,
    IncentiveScheme,
    WadahEnded,
    WadahEngaged,
)
from contracts.sealed import Sealed
from contracts.values import AgentId, BranchId, ParticipantId, WadahId
from tests.integration.payments.people import BRANCH
from tests.support.service import Harness

RUN_TIMERS = ("incentive-runs", "incentive-statements", "incentive-wadah", "incentive-runs")


@dataclass(frozen=True)
class Worker:
    """An agent at work; `scope` is that of what he registers."""

    agent_id: AgentId
    participant_id: ParticipantId
    scope: Scope

    def token(self, h: Harness) -> dict[str, str]:
        return h.token(roles=["agent"], subject=f"agent-{self.agent_id}", agent_id=self.agent_id)


async def engage(
    h: Harness,
    *,
    scheme: IncentiveScheme = IncentiveScheme.NEW,
    term: tuple[date, date] = (date(2020, 1, 1), date(2030, 12, 31)),
    branch: UUID = BRANCH,
    wadah: UUID | None = None,
    target: int | None = None,
) -> Scope:
    """A Wadah whose agreement is in force for `term`."""
    wadah_id = WadahId(wadah or new_id())
    event = engaged(wadah_id=wadah_id, scheme=scheme, term=term, branch=branch, target=target)
    scope = Scope(branch, wadah_id)
    await h.deliver(h.record(event, key=wadah_id, scope=scope))
    return scope


def engaged(
    *,
    wadah_id: WadahId,
    scheme: IncentiveScheme,
    term: tuple[date, date],
    branch: UUID = BRANCH,
    target: int | None = None,
) -> WadahEngaged:
    return WadahEngaged(
        wadah_id=wadah_id,
        branch_id=BranchId(branch),
        name="Wadah Contoh",
        agreement_number=f"PKS/{str(wadah_id)[-6:]}",
        scheme=scheme,
        term_from=term[0],
        term_to=term[1],
        monthly_target=target,
    )


async def renew(
    h: Harness,
    wadah: Scope,
    term: tuple[date, date],
    *,
    agreement: int = 2,
    follows_on: date | None = None,
    scheme: IncentiveScheme = IncentiveScheme.NEW,
    target: int | None = None,
) -> None:
    """The Wadah's so-many-th agreement; the one before ended the day before it, unless said otherwise."""
    assert wadah.wadah_id is not None
    assert wadah.branch_id is not None
    renewed = AgreementRenewed(
        wadah_id=WadahId(wadah.wadah_id),
        branch_id=BranchId(wadah.branch_id),
        agreement=agreement,
        agreement_number=f"PKS/{str(wadah.wadah_id)[-6:]}/{agreement}",
        scheme=scheme,
        term_from=term[0],
        term_to=term[1],
        monthly_target=target,
        follows_on=follows_on or term[0] - timedelta(days=1),
    )
    await h.deliver(h.record(renewed, key=wadah.wadah_id, scope=wadah))


async def end(h: Harness, wadah: Scope, on: date) -> None:
    assert wadah.wadah_id is not None
    ended = WadahEnded(wadah_id=WadahId(wadah.wadah_id), ended_on=on, reason="not_renewed")
    await h.deliver(h.record(ended, key=wadah.wadah_id, scope=wadah))


async def hire(h: Harness, wadah: Scope, *, participant_id: UUID | None = None, agent: UUID | None = None) -> Worker:
    """An agent of that Wadah who is ACTIVE from now on; `participant_id`: his own participation."""
    worker, told = hired(h, wadah, participant_id=participant_id, agent=agent)
    await h.deliver(*told)
    return worker


def hired(
    h: Harness, wadah: Scope, *, participant_id: UUID | None = None, agent: UUID | None = None
) -> tuple[Worker, list[Record]]:
    """As `hire`, before payments has heard of it."""
    assert wadah.branch_id is not None
    assert wadah.wadah_id is not None
    agent_id = AgentId(agent or new_id())
    own = ParticipantId(participant_id or new_id())
    worker = Worker(agent_id, own, wadah._replace(agent_id=agent_id))
    h.person(agent_id)
    proposed = AgentProposed(
        agent_id=agent_id,
        code=f"PRS{int(agent_id) % 10**8:08}",
        wadah_id=WadahId(wadah.wadah_id),
        branch_id=BranchId(wadah.branch_id),
        participant_id=own,
        profile=Sealed(agent_id, AgentProfile(name="Agen Contoh", phone="+6281200000001")),
    )
    activated = AgentActivated(agent_id=agent_id, activated_on=h.clock.business().date())
    return worker, [h.record(event, key=agent_id, scope=worker.scope) for event in (proposed, activated)]


async def suspend(h: Harness, worker: Worker) -> None:
    suspended = AgentSuspended(agent_id=worker.agent_id, reason="complaint")
    await h.deliver(h.record(suspended, key=worker.agent_id, scope=worker.scope))


async def close_month(h: Harness, on: datetime) -> None:
    """The calendar reaches this instant, and every timer of the run works off what is due."""
    h.clock.set(on)
    for timer in RUN_TIMERS:
        await h.due(timer)
