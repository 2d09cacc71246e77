"""Rows of what was noted for the incentives: agreements, agents, who manages whom, and what may change a month that is closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, assert_never
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
    AgreementRenewalNoted,
    ManagerChanged,
)
from contracts.values import ContributionMonth

_Row = dict[str, Any]
_month = ContributionMonth.of
OF_AGREEMENT: frozenset[type[Event]] = frozenset({AgreementNoted, AgreementRenewalNoted, AgreementEndNoted})


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
        elif kind in OF_AGREEMENT:
            assert isinstance(event, AgreementNoted | AgreementRenewalNoted | AgreementEndNoted)
            day = _changes_from(event)
            yield _review(r, wadah_id=event.wadah_id, from_month=str(ContributionMonth(day.year, day.month)))


def _changes_from(event: AgreementNoted | AgreementRenewalNoted | AgreementEndNoted) -> date:
    """The first day that is under another agreement than was known, or under none."""
    match event:
        case AgreementNoted():
            return event.term_from
        case AgreementRenewalNoted():
            return event.follows_on + timedelta(days=1)
        case AgreementEndNoted():
            return event.ended_on
        case _:
            assert_never(event)


_TAKES_BACK = frozenset({ContributionReversed, ContributionRefunded, ManagerChanged})


def _review(
    r: Recorded,
    *,
    participant_id: UUID | None = None,
    agent_id: UUID | None = None,
    wadah_id: UUID | None = None,
    from_month: str | None = None,
) -> _Row:
    return {
        "event_id": r.envelope.event_id,
        "participant_id": participant_id,
        "agent_id": agent_id,
        "wadah_id": wadah_id,
        "from_month": from_month,
        "since": r.envelope.occurred_at,
    }


OF_AGENT: frozenset[type[Event]] = frozenset({AgentNoted, AgentStepNoted, AgentLeftNoted})


def agreements_after(rows: list[_Row], event: Event) -> list[_Row]:
    """The agreements of one Wadah, the first one first."""
    match event:
        case AgreementNoted():
            return [_agreement(event, 1, event.name)]
        case AgreementRenewalNoted():
            return [*rows, _agreement(event, event.agreement, rows[0]["name"])]
        case AgreementEndNoted(ended_on=ended_on):
            return [row | {"ended_on": ended_on} if ended_on <= _last_day(row) else row for row in rows]
    return rows


def _agreement(event: AgreementNoted | AgreementRenewalNoted, number: int, name: str) -> _Row:
    return {
        "wadah_id": event.wadah_id,
        "agreement": number,
        "branch_id": event.branch_id,
        "name": name,
        "agreement_number": event.agreement_number,
        "scheme": str(event.scheme),
        "term_from": event.term_from,
        "term_to": event.term_to,
        "ended_on": None,
        "monthly_target": event.monthly_target,
    }


def _last_day(row: _Row) -> date:
    found: date = min(row["term_to"], row["ended_on"] or row["term_to"])
    return found


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
