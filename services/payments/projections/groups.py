"""Collective bills, their lines, agents' balances, cash in hand, and what payments knows of a payer beside bills: written from their events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded, Scope
from contracts.event import Event
from contracts.events.contributions import CashReceived, CashReturned, PayerNumbered
from contracts.events.groups import (
    AgentBalanceCharged,
    AgentBalanceDeposited,
    AgentBalanceOpened,
    AgentBalanceRestored,
    AgentBalanceWithdrawn,
    CollectiveBillIssued,
    CollectiveBillPaid,
    CollectiveBillReversed,
    CollectiveLinesAdded,
    CollectiveSharesPosted,
    CollectiveSharesReversed,
)
from contracts.values import BillId
from services.payments import tables
from services.payments.domain.balance import Moved, deposited
from services.payments.domain.collective import evolve, issued, posted
from services.payments.groups import KeptCollective, are_bills, collective_row, line_row, load_collectives
from services.payments.store import receipt_row

_NUMBER = sa.text(
    "UPDATE payers SET kpj = noted.kpj"
    " FROM unnest(CAST(:participants AS uuid[]), CAST(:kpjs AS text[])) AS noted(participant_id, kpj)"
    " WHERE payers.participant_id = noted.participant_id"
)
_SHARES = sa.text(
    "UPDATE collective_lines SET payment_id = noted.payment_id, suspended_for = noted.suspended_for"
    " FROM unnest(CAST(:bills AS uuid[]), CAST(:numbers AS integer[]), CAST(:payments AS uuid[]), CAST(:reasons AS text[]))"
    " AS noted(bill_id, number, payment_id, suspended_for)"
    " WHERE collective_lines.bill_id = noted.bill_id AND collective_lines.number = noted.number"
)
_REVERSED = sa.text(
    "UPDATE collective_lines SET reversed = noted.kept_for IS NULL, kept_for = noted.kept_for"
    " FROM unnest(CAST(:bills AS uuid[]), CAST(:numbers AS integer[]), CAST(:reasons AS text[]))"
    " AS noted(bill_id, number, kept_for)"
    " WHERE collective_lines.bill_id = noted.bill_id AND collective_lines.number = noted.number"
)
_WHOLE_REVERSED = sa.text(
    "UPDATE payments SET reversed_for = noted.reason"
    " FROM unnest(CAST(:payments AS uuid[]), CAST(:reasons AS text[])) AS noted(payment_id, reason)"
    " WHERE payments.payment_id = noted.payment_id"
)
_RETURNED = sa.text(
    "UPDATE cash_received SET returned_at = noted.returned_at"
    " FROM unnest(CAST(:bills AS uuid[]), CAST(:instants AS timestamptz[])) AS noted(bill_id, returned_at)"
    " WHERE cash_received.bill_id = noted.bill_id"
)
_BALANCE = sa.text(
    "UPDATE agent_balances SET balance = noted.balance"
    " FROM unnest(CAST(:agents AS uuid[]), CAST(:balances AS bigint[])) AS noted(agent_id, balance)"
    " WHERE agent_balances.agent_id = noted.agent_id"
)


async def groups(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    """After payers and bills: a number is noted of a payer who lies in the table."""
    streams = {r.envelope.stream for r in recorded}
    if "collective-bills" in streams:
        await _collectives(conn, [r for r in recorded if r.envelope.stream == "collective-bills"])
    if "agent-balances" in streams:
        await _balances(conn, [r for r in recorded if r.envelope.stream == "agent-balances"])
    await _numbers(conn, recorded)
    await _cash(conn, recorded)


async def _collectives(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    made = {r.event.bill_id for r in events if isinstance(r.event, CollectiveBillIssued)}
    changed = {BillId(_uuid(r)) for r in events if not isinstance(r.event, CollectiveBillIssued | CollectiveLinesAdded)}
    kept = await load_collectives(conn, are_bills(changed - made)) if changed - made else {}
    for recorded in events:
        if isinstance(recorded.event, CollectiveBillIssued):
            kept[recorded.event.bill_id] = _issued(recorded, recorded.event)
        elif (before := kept.get(BillId(_uuid(recorded)))) is not None:
            bill = evolve(before.bill, recorded.event, recorded.envelope.occurred_at)
            kept[bill.bill_id] = before._replace(bill=bill)
    await rows.upsert(conn, tables.collective_bills, [collective_row(one) for one in kept.values()])
    await rows.insert(conn, tables.collective_lines, _lines(events))
    await _shares(conn, events)
    await rows.insert(conn, tables.payments, _wholes(events), order=("partner", "channel_reference"))
    await _reversals(conn, events)


async def _reversals(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    """After the payments they take back, and after the lines were posted."""
    wholes = [r.event for r in events if isinstance(r.event, CollectiveBillReversed)]
    if wholes:
        reasons = [event.reason for event in wholes]
        await conn.execute(_WHOLE_REVERSED, {"payments": [event.payment_id for event in wholes], "reasons": reasons})
    found = [
        (r.event.bill_id, share)
        for r in events
        if isinstance(r.event, CollectiveSharesReversed)
        for share in r.event.shares
    ]
    if found:
        bound = {
            "bills": [bill_id for bill_id, _ in found],
            "numbers": [share.number for _, share in found],
            "reasons": [share.kept_for for _, share in found],
        }
        await conn.execute(_REVERSED, bound)


def _issued(recorded: Recorded, event: CollectiveBillIssued) -> KeptCollective:
    envelope = recorded.envelope
    scope = Scope(envelope.branch_id, envelope.wadah_id)
    return KeptCollective(issued(event, envelope.occurred_at), scope, envelope.rules)


def _lines(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    return [
        line_row(r.event.bill_id, line)
        for r in events
        if isinstance(r.event, CollectiveLinesAdded)
        for line in r.event.lines
    ]


async def _shares(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    found = [
        (r.event.bill_id, share)
        for r in events
        if isinstance(r.event, CollectiveSharesPosted)
        for share in r.event.shares
    ]
    if not found:
        return
    bound = {
        "bills": [bill_id for bill_id, _ in found],
        "numbers": [share.number for _, share in found],
        "payments": [share.payment_id for _, share in found],
        "reasons": [share.suspended_for for _, share in found],
    }
    await conn.execute(_SHARES, bound)


def _wholes(events: Sequence[Recorded]) -> list[dict[str, Any]]:
    return [receipt_row(posted(r.event)) for r in events if isinstance(r.event, CollectiveBillPaid)]


async def _balances(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    await rows.insert(
        conn, tables.agent_balances, [_opened(r, r.event) for r in events if isinstance(r.event, AgentBalanceOpened)]
    )
    moved = [(r, r.event) for r in events if isinstance(r.event, Moved)]
    if not moved:
        return
    latest = {event.agent_id: event.balance for _, event in moved}
    await conn.execute(_BALANCE, {"agents": [*latest], "balances": [*latest.values()]})
    await rows.insert(conn, tables.agent_balance_lines, [_line(r, event) for r, event in moved])
    deposits = [receipt_row(deposited(event)) for _, event in moved if isinstance(event, AgentBalanceDeposited)]
    await rows.insert(conn, tables.payments, deposits, order=("partner", "channel_reference"))


def _opened(recorded: Recorded, event: AgentBalanceOpened) -> dict[str, Any]:
    return {
        "agent_id": event.agent_id,
        "code": event.code,
        "balance": 0,
        "branch_id": recorded.envelope.branch_id,
        "wadah_id": recorded.envelope.wadah_id,
    }


_KINDS: dict[type[Event], str] = {
    AgentBalanceDeposited: "DEPOSIT",
    AgentBalanceCharged: "CHARGE",
    AgentBalanceWithdrawn: "WITHDRAWAL",
    AgentBalanceRestored: "RESTORED",
}
_ADDS = (AgentBalanceDeposited, AgentBalanceRestored)


def _line(recorded: Recorded, event: Moved) -> dict[str, Any]:
    return {
        "agent_id": event.agent_id,
        "seq": recorded.envelope.seq,
        "kind": _KINDS[type(event)],
        "amount": event.amount if isinstance(event, _ADDS) else -event.amount,
        "balance": event.balance,
        "payment_id": event.payment_id,
        "participant_id": event.participant_id if isinstance(event, AgentBalanceCharged) else None,
        "partner": event.partner if isinstance(event, AgentBalanceDeposited) else None,
        "channel_reference": event.channel_reference if isinstance(event, AgentBalanceDeposited) else None,
        "effective_at": event.effective_at
        if isinstance(event, AgentBalanceDeposited)
        else recorded.envelope.occurred_at,
    }


async def _numbers(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    noted = [r.event for r in events if type(r.event) is PayerNumbered]
    if noted:
        bound = {"participants": [event.participant_id for event in noted], "kpjs": [event.kpj for event in noted]}
        await conn.execute(_NUMBER, bound)


async def _cash(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    """A note per bill: reported anew after it was returned, it is a new one."""
    moved = [(r, event) for r in recorded if isinstance(event := r.event, CashReceived | CashReturned)]
    if not moved:
        return
    noted: dict[BillId, dict[str, Any]] = {}
    returned: dict[BillId, datetime] = {}
    for r, event in moved:
        if isinstance(event, CashReceived):
            noted[event.bill_id] = _note(r, event)
            returned.pop(event.bill_id, None)
        elif event.bill_id in noted:
            noted[event.bill_id]["returned_at"] = event.returned_at
        else:
            returned[event.bill_id] = event.returned_at
    await rows.upsert(conn, tables.cash_received, list(noted.values()))
    if returned:
        await conn.execute(_RETURNED, {"bills": [*returned], "instants": [*returned.values()]})
    await rows.insert(conn, tables.cash_lines, [_cash_line(r, event) for r, event in moved])


def _note(recorded: Recorded, event: CashReceived) -> dict[str, Any]:
    return {
        "bill_id": event.bill_id,
        "participant_id": event.participant_id,
        "agent_id": event.agent_id,
        "amount": event.amount,
        "received_at": event.received_at,
        "reported_at": recorded.envelope.occurred_at,
        "returned_at": None,
        "branch_id": recorded.envelope.branch_id,
        "wadah_id": recorded.envelope.wadah_id,
    }


def _cash_line(recorded: Recorded, event: CashReceived | CashReturned) -> dict[str, Any]:
    back = isinstance(event, CashReturned)
    return {
        "line_id": recorded.envelope.event_id,
        "agent_id": event.agent_id,
        "kind": "RETURNED" if back else "RECEIVED",
        "participant_id": event.participant_id,
        "bill_id": event.bill_id,
        "amount": -event.amount if back else event.amount,
        "at": event.returned_at if isinstance(event, CashReturned) else event.received_at,
        "branch_id": recorded.envelope.branch_id,
    }


def _uuid(recorded: Recorded) -> Any:
    return recorded.event.bill_id  # type: ignore[attr-defined]  # every event of the stream names its bill
