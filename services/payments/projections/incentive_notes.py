"""Rows of what was noted for the incentives: agreements, agents, who manages whom, and what may change a month that is closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.transaction import Recorded
from contracts.event import Event
from contracts.events.astray import ContributionRefunded
from contracts.events.contributions import ContributionPaid, ContributionReversed
from contracts.events.incentives import (
    AgentLeftNoted,
    AgentNoted,
    AgentStep,
    AgentStepNoted,
    AgreementEndNoted,
    AgreementNoted,
    ManagerChanged,
)
from contracts.values import ContributionMonth

_Row = dict[str, Any]
_month = ContributionMonth.of


def reviews(recorded: Iterable[Recorded]) -> Iterable[_Row]:
    """What was written down today and concerns a month that may be closed."""
    for r in recorded:
        event, kind = r.event, type(r.event)
        if kind is ContributionPaid:
            assert isinstance(event, ContributionPaid)
            if _month(event.effective_at) < _month(event.posted_at):
                yield _review(r, participant_id=event.participant_id)
        elif kind in _TAKES_BACK:
            assert isinstance(event, ContributionReversed | ContributionRefunded | ManagerChanged)
            yield _review(r, participant_id=event.participant_id)
        elif kind is AgentStepNoted or kind is AgentLeftNoted:
            assert isinstance(event, AgentStepNoted | AgentLeftNoted)
            if _month(event.at) < _month(r.envelope.occurred_at):
                yield _review(r, agent_id=event.agent_id, from_month=str(_month(event.at)))


_TAKES_BACK = frozenset({ContributionReversed, ContributionRefunded, ManagerChanged})


def _review(
    r: Recorded, *, participant_id: UUID | None = None, agent_id: UUID | None = None, from_month: str | None = None
) -> _Row:
    return {
        "event_id": r.envelope.event_id,
        "participant_id": participant_id,
        "agent_id": agent_id,
        "from_month": from_month,
        "since": r.envelope.occurred_at,
    }


OF_AGREEMENT: frozenset[type[Event]] = frozenset({AgreementNoted, AgreementEndNoted})
OF_AGENT: frozenset[type[Event]] = frozenset({AgentNoted, AgentStepNoted, AgentLeftNoted})


def agreement(row: _Row, r: Recorded) -> _Row:
    match r.event:
        case AgreementNoted() as event:
            return {
                "wadah_id": event.wadah_id,
                "branch_id": event.branch_id,
                "name": event.name,
                "agreement_number": event.agreement_number,
                "scheme": str(event.scheme),
                "term_from": event.term_from,
                "term_to": event.term_to,
                "ended_on": None,
                "monthly_target": event.monthly_target,
            }
        case AgreementEndNoted() as event:
            return row | {"ended_on": event.ended_on}
    return row


def agent(row: _Row, r: Recorded) -> _Row:
    match r.event:
        case AgentNoted() as event:
            return {
                "agent_id": event.agent_id,
                "code": event.code,
                "wadah_id": event.wadah_id,
                "branch_id": event.branch_id,
                "participant_id": event.participant_id,
                "activated_at": None,
                "duties": [],
                "dismissed_at": None,
                "began_at": None,
            }
        case AgentStepNoted(step=AgentStep.SUSPENDED) as event:
            return row | {"duties": _ended(row["duties"], event.at)}
        case AgentLeftNoted() as event:
            left = {"dismissed_at": event.at} if event.dismissed else {}
            return row | {"duties": _ended(row["duties"], event.at), "began_at": None} | left
        case AgentStepNoted() as event:
            duties = [*row["duties"], [event.at.isoformat(), None]]
            began = {name: row[name] or event.at for name in ("activated_at", "began_at")}
            return row | {"duties": duties} | began
    return row


def _ended(duties: list[list[str | None]], at: datetime) -> list[list[str | None]]:
    """The last stretch ends, unless it had: whoever is suspended may be dropped."""
    if not duties or duties[-1][1] is not None:
        return duties
    return [*duties[:-1], [duties[-1][0], at.isoformat()]]


def management(r: Recorded, event: ManagerChanged) -> _Row:
    return {
        "participant_id": event.participant_id,
        "seq": r.envelope.seq,
        "from_month": str(event.from_month),
        "agent_id": event.agent_id,
    }
