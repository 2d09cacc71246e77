"""Agreements, agents, managers, runs, statements and disputes. Most tables only grow; the others are folds of one key's own rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.event import Event
from contracts.events import incentives as contract
from contracts.events.astray import ContributionRefunded
from contracts.events.contributions import ContributionPaid, ContributionReversed
from contracts.events.incentives import (
    AcquiredLine,
    AgentLeftNoted,
    AgentNoted,
    AgentStep,
    AgentStepNoted,
    AgreementEndNoted,
    AgreementNoted,
    ContributionLine,
    IncentiveClawedBack,
    IncentiveDisputeAnswered,
    IncentiveEarned,
    IncentiveLineDisputed,
    IncentivePaidOut,
    IncentivePayoutOrdered,
    IncentiveRunCompleted,
    IncentiveRunOpened,
    IncentiveStatementIssued,
    ManagerChanged,
    WadahStatementIssued,
)
from contracts.values import ContributionMonth
from services.payments.tables import incentives as tables

E = TypeVar("E", bound=Event)
_Row = dict[str, Any]
_Key = tuple[Any, ...]

_OURS = frozenset(contract.EVENTS)
_month = ContributionMonth.of


async def incentives(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    await rows.insert(conn, tables.incentive_reviews, [*_reviews(recorded)])
    events = [r for r in recorded if type(r.event) in _OURS]
    if not events:
        return
    await _folded(conn, tables.agreements, events, _OF_AGREEMENT, _agreement)
    await _folded(conn, tables.agents, events, _OF_AGENT, _agent)
    await rows.insert(conn, tables.managements, _each(events, ManagerChanged, _management))
    await _folded(conn, tables.incentive_runs, events, _OF_RUN, _run)
    await rows.insert(conn, tables.incentive_lines, [*_lines(events)])
    await rows.insert(conn, tables.incentive_entries, [*_entries(events)])
    await rows.insert(conn, tables.incentive_statements, _each(events, IncentiveStatementIssued, _statement))
    await rows.insert(conn, tables.wadah_entries, [*_wadah_entries(events)])
    await _folded(conn, tables.wadah_statements, events, _OF_WADAH, _wadah_statement)
    await _folded(conn, tables.incentive_disputes, events, _OF_DISPUTE, _dispute)


async def _folded(
    conn: AsyncConnection,
    table: sa.Table,
    events: Sequence[Recorded],
    kinds: frozenset[type[Event]],
    fold: Callable[[_Row, Recorded], _Row],
) -> None:
    """One statement for rows that the batch makes, two more for rows that stand. A key's first event makes its row."""
    ours = [r for r in events if type(r.event) in kinds]
    if not ours:
        return
    names = [column.name for column in table.primary_key]
    made = {r.envelope.key for r in ours if r.envelope.seq == 1}
    known = {r.envelope.key: _key(r, names) for r in ours if r.envelope.key not in made}
    standing = await _standing(conn, table, names, known.values())
    state = {key: standing[row_key] for key, row_key in known.items()}
    for r in ours:
        state[r.envelope.key] = fold(state.get(r.envelope.key, {}), r)
    await rows.insert(conn, table, [state[key] for key in made])
    await rows.upsert(conn, table, [state[key] for key in known])


def _key(r: Recorded, names: Sequence[str]) -> _Key:
    """Events name their key by the columns' own names; a month is stored as text."""
    found = (getattr(r.event, name) for name in names)
    return tuple(str(part) if isinstance(part, ContributionMonth) else part for part in found)


async def _standing(
    conn: AsyncConnection, table: sa.Table, names: Sequence[str], keys: Iterable[_Key]
) -> dict[_Key, _Row]:
    wanted = list(keys)
    if not wanted:
        return {}
    matches = [rows.matching(table.c[name], {key[n] for key in wanted}) for n, name in enumerate(names)]
    found = (await conn.execute(sa.select(table).where(*matches))).mappings()
    return {tuple(row[name] for name in names): dict(row) for row in found}


def _each(events: Iterable[Recorded], kind: type[E], row: Callable[[Recorded, E], _Row]) -> list[_Row]:
    return [row(r, r.event) for r in events if isinstance(r.event, kind)]


def _reviews(recorded: Iterable[Recorded]) -> Iterable[_Row]:
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


_OF_AGREEMENT: frozenset[type[Event]] = frozenset({AgreementNoted, AgreementEndNoted})
_OF_AGENT: frozenset[type[Event]] = frozenset({AgentNoted, AgentStepNoted, AgentLeftNoted})
_OF_RUN: frozenset[type[Event]] = frozenset({IncentiveRunOpened, IncentiveRunCompleted})
_OF_WADAH: frozenset[type[Event]] = frozenset({WadahStatementIssued, IncentivePayoutOrdered, IncentivePaidOut})
_OF_DISPUTE: frozenset[type[Event]] = frozenset({IncentiveLineDisputed, IncentiveDisputeAnswered})


def _agreement(row: _Row, r: Recorded) -> _Row:
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


def _agent(row: _Row, r: Recorded) -> _Row:
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


def _management(r: Recorded, event: ManagerChanged) -> _Row:
    return {
        "participant_id": event.participant_id,
        "seq": r.envelope.seq,
        "from_month": str(event.from_month),
        "agent_id": event.agent_id,
    }


def _run(row: _Row, r: Recorded) -> _Row:
    match r.event:
        case IncentiveRunOpened() as event:
            return {
                "month": str(event.month),
                "closed_at": event.closed_at,
                "statements_at": event.statements_at,
                "orders_at": event.orders_at,
                "pay_by": event.pay_by,
                "completed_at": None,
                "agents": None,
                "wadah": None,
                "lines": None,
                "payout": None,
            }
        case IncentiveRunCompleted() as event:
            return row | {
                "completed_at": r.envelope.occurred_at,
                "agents": event.agents,
                "wadah": event.wadah,
                "lines": event.lines,
                "payout": event.payout,
            }
    return row


def _lines(events: Iterable[Recorded]) -> Iterable[_Row]:
    for r in events:
        event = r.event
        if isinstance(event, IncentiveEarned | IncentiveClawedBack):
            common = {
                "agent_id": event.agent_id,
                "run": str(event.run),
                "month": str(event.month),
                "sign": 1 if isinstance(event, IncentiveEarned) else -1,
            }
            number = event.first_line
            for acquired in event.acquisitions:
                yield common | _acquired(acquired, number)
                number += 1
            for part in event.contributions:
                yield common | _contribution(part, number)
                number += 1


def _acquired(line: AcquiredLine, number: int) -> _Row:
    return {
        "line": number,
        "payment_id": line.payment_id,
        "participant_id": line.participant_id,
        "with_jht": line.with_jht,
        "contribution_month": None,
        "k": None,
        "bps": None,
        "received": None,
    }


def _contribution(line: ContributionLine, number: int) -> _Row:
    return {
        "line": number,
        "payment_id": line.payment_id,
        "participant_id": line.participant_id,
        "with_jht": None,
        "contribution_month": str(line.month),
        "k": line.k,
        "bps": line.bps,
        "received": line.received,
    }


def _entries(events: Iterable[Recorded]) -> Iterable[_Row]:
    """What each month of an agent comes to as of this run: its own, and those computed anew."""
    for r in events:
        event = r.event
        if isinstance(event, IncentiveStatementIssued):
            common = {"agent_id": event.agent_id, "run": str(event.month), "wadah_id": event.wadah_id}
            own = {"month": str(event.month), "before": 0, "rules": r.envelope.rules, "reason": None}
            yield common | own | event.earned.model_dump()
            for adjusted in event.adjustments:
                anew = {"month": str(adjusted.month), "before": adjusted.before.agent, "rules": adjusted.rules}
                yield common | anew | {"reason": adjusted.reason} | adjusted.after.model_dump()


def _statement(r: Recorded, event: IncentiveStatementIssued) -> _Row:
    return {
        "agent_id": event.agent_id,
        "month": str(event.month),
        "wadah_id": event.wadah_id,
        "branch_id": r.envelope.branch_id,
        "scheme": str(event.scheme),
        "rules": r.envelope.rules,
        **event.earned.model_dump(),
        "adjusted": sum(a.after.agent - a.before.agent for a in event.adjustments),
        "carried_in": event.carried_in,
        "payable": event.payable,
        "carried_out": event.carried_out,
        "lines": event.lines,
        "fingerprint": event.fingerprint,
        "months_without": event.months_without,
        "drop_months": event.drop_months,
        "drop_due": event.drop_due,
        "issued_at": r.envelope.occurred_at,
        "event_id": r.envelope.event_id,
    }


def _wadah_entries(events: Iterable[Recorded]) -> Iterable[_Row]:
    for r in events:
        event = r.event
        if isinstance(event, WadahStatementIssued):
            common = {"wadah_id": event.wadah_id, "run": str(event.month)}
            yield common | {"month": str(event.month), "before": 0, "share": event.share}
            for adjusted in event.adjustments:
                yield common | {"month": str(adjusted.month), "before": adjusted.before, "share": adjusted.after}


_OF_STATEMENT = (
    "wadah_id",
    "agents",
    "acquisitions",
    "received",
    "agents_payable",
    "share",
    "carried_in",
    "share_payable",
    "carried_out",
    "gross",
    "tax_bps",
    "tax",
    "payout",
    "order_from",
    "pay_by",
    "monthly_target",
    "months_below",
    "drop_months",
    "end_due",
)


def _wadah_statement(row: _Row, r: Recorded) -> _Row:
    match r.event:
        case WadahStatementIssued() as event:
            return {
                **{name: getattr(event, name) for name in _OF_STATEMENT},
                "month": str(event.month),
                "branch_id": r.envelope.branch_id,
                "scheme": str(event.scheme),
                "rules": r.envelope.rules,
                "adjusted": sum(a.after - a.before for a in event.adjustments),
                "issued_at": r.envelope.occurred_at,
                "event_id": r.envelope.event_id,
                "order_id": None,
                "paid_at": None,
            }
        case IncentivePayoutOrdered() as event:
            return row | {"order_id": event.order_id}
        case IncentivePaidOut() as event:
            return row | {"paid_at": event.paid_at}
    return row


def _dispute(row: _Row, r: Recorded) -> _Row:
    match r.event:
        case IncentiveLineDisputed() as event:
            return {
                "dispute_id": event.dispute_id,
                "agent_id": event.agent_id,
                "wadah_id": event.wadah_id,
                "branch_id": r.envelope.branch_id,
                "run": str(event.run),
                "line": event.line,
                "reason": event.reason,
                "note": event.note,
                "raised_by": r.envelope.actor,
                "raised_at": r.envelope.occurred_at,
                "upheld": None,
                "answer": None,
                "answered_by": None,
                "answered_at": None,
            }
        case IncentiveDisputeAnswered() as event:
            return row | {
                "upheld": event.upheld,
                "answer": event.note,
                "answered_by": r.envelope.actor,
                "answered_at": r.envelope.occurred_at,
            }
    return row
