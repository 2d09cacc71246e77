"""Rows of statements as they were issued: of agents with their lines, of Wadah with their payout."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from chassis.transaction import Recorded
from contracts.event import Event
from contracts.events.incentives import (
    AcquiredLine,
    ContributionLine,
    IncentiveClawedBack,
    IncentiveEarned,
    IncentivePaidOut,
    IncentivePayoutOrdered,
    IncentivePayoutOverdue,
    IncentiveStatementIssued,
    WadahStatementIssued,
)

_Row = dict[str, Any]
OF_WADAH: frozenset[type[Event]] = frozenset(
    {WadahStatementIssued, IncentivePayoutOrdered, IncentivePayoutOverdue, IncentivePaidOut}
)


def lines(events: Iterable[Recorded]) -> Iterable[_Row]:
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


def entries(events: Iterable[Recorded]) -> Iterable[_Row]:
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


def statement(r: Recorded, event: IncentiveStatementIssued) -> _Row:
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
        "agreement": event.agreement,
        "without_agreement": event.without_agreement,
        "issued_at": r.envelope.occurred_at,
        "event_id": r.envelope.event_id,
    }


def wadah_entries(events: Iterable[Recorded]) -> Iterable[_Row]:
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
    "agreement",
    "without_agreement",
)


def wadah_statement(row: _Row, r: Recorded) -> _Row:
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
                "overdue_at": None,
            }
        case IncentivePayoutOrdered() as event:
            return row | {"order_id": event.order_id}
        case IncentivePayoutOverdue():
            return row | {"overdue_at": r.envelope.occurred_at}
        case IncentivePaidOut() as event:
            return row | {"paid_at": event.paid_at}
    return row
