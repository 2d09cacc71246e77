"""Settlement layouts, files, their lines, days and cases. Each file, day and case is loaded, folded and written back whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.event import Event
from contracts.events.reconciliation import (
    CaseAssigned,
    CaseClosed,
    CaseOpened,
    CaseStatusTold,
    CreditCorrected,
    CreditCorrectionDropped,
    CreditCorrectionProposed,
    DifferenceBooked,
    DifferenceDropped,
    DifferenceProposed,
    ReconciledLine,
    SettlementFeesCorrected,
    SettlementFileReceived,
    SettlementFileReconciled,
    SettlementLayoutAgreed,
    SettlementLinesReconciled,
    SettlementReceived,
)
from services.payments import tables

Row = dict[str, Any]
_OF_FILE = frozenset({SettlementFileReceived, SettlementLinesReconciled, SettlementFileReconciled})
_OF_CORRECTIONS = frozenset({CreditCorrectionProposed, CreditCorrected, CreditCorrectionDropped})
_OF_DAY = (
    frozenset({SettlementFileReconciled, SettlementReceived, SettlementFeesCorrected, DifferenceBooked})
    | _OF_CORRECTIONS
)
OfDay = (
    SettlementFileReconciled
    | SettlementReceived
    | SettlementFeesCorrected
    | DifferenceBooked
    | CreditCorrectionProposed
    | CreditCorrected
    | CreditCorrectionDropped
)
_OF_CASE = frozenset({CaseOpened, CaseAssigned, CaseStatusTold, CaseClosed, DifferenceProposed, DifferenceDropped})
_OURS = _OF_FILE | _OF_DAY | _OF_CASE | {SettlementLayoutAgreed}


async def settlement(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OURS]
    if not events:
        return
    await _layouts(conn, events)
    await _files(conn, events)
    await _lines(conn, events)
    await _days(conn, events)
    await _differences(conn, events)
    await _cases(conn, events)


async def _layouts(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    found = [
        {
            "partner": r.event.partner,
            "valid_from": r.event.valid_from,
            "layout": r.event.layout.model_dump(mode="json"),
            "agreed_at": r.envelope.occurred_at,
        }
        for r in events
        if isinstance(r.event, SettlementLayoutAgreed)
    ]
    await rows.upsert(conn, tables.settlement_layouts, found)


async def _files(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    changed = [r for r in events if type(r.event) in _OF_FILE]
    column = tables.settlement_files.c.file_id
    found = await _known(conn, changed, SettlementFileReceived, column, lambda event: event.file_id)
    for r in changed:
        match r.event:
            case SettlementFileReceived() as event:
                found[event.file_id] = _file(r, event)
            case SettlementLinesReconciled() as event:
                row = found[event.file_id]
                found[event.file_id] = row | {
                    "parts_done": event.part + 1,
                    "totals": _added(row["totals"], event.lines),
                }
            case SettlementFileReconciled() as event:
                found[event.file_id] = found[event.file_id] | {
                    "totals": {one.outcome: [one.lines, one.amount, one.fees] for one in event.outcomes},
                    "reconciled_at": r.envelope.occurred_at,
                }
    await rows.upsert(conn, tables.settlement_files, [*found.values()])


def _file(recorded: Recorded, event: SettlementFileReceived) -> Row:
    return {
        "file_id": event.file_id,
        "partner": event.partner,
        "day": event.day,
        "sha256": event.sha256,
        "received_at": recorded.envelope.occurred_at,
        "parts": event.parts,
        "lines": event.lines,
        "amount": event.amount,
        "fees": event.fees,
        "layout": None if event.layout is None else event.layout.model_dump(mode="json"),
        "parts_done": 0,
        "totals": {},
        "reconciled_at": None,
    }


def _added(totals: Mapping[str, Sequence[int]], lines: Sequence[ReconciledLine]) -> dict[str, list[int]]:
    sums = {name: [*total] for name, total in totals.items()}
    for line in lines:
        total = sums.setdefault(str(line.outcome), [0, 0, 0])
        total[0] += 1
        total[1] += line.amount or 0
        total[2] += line.fee or 0
    return sums


async def _lines(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    new = [
        _line(event, line)
        for r in events
        if isinstance(event := r.event, SettlementLinesReconciled)
        for line in event.lines
    ]
    await rows.insert(conn, tables.settlement_lines, new)


def _line(event: SettlementLinesReconciled, line: ReconciledLine) -> Row:
    return {
        "file_id": event.file_id,
        "line": line.line,
        "partner": event.partner,
        "day": event.day,
        "outcome": str(line.outcome),
        "reference": line.reference,
        "payment_id": line.payment_id,
        "amount": line.amount,
        "fee": line.fee,
        "paid_at": line.paid_at,
        "amount_here": line.amount_here,
        "reason": line.reason,
        "first_file": line.first_file,
        "first_line": line.first_line,
        "unnamed": line.unnamed,
    }


async def _days(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    changed = [r.event for r in events if isinstance(r.event, OfDay)]
    if not changed:
        return
    table = tables.settlement_days
    query = sa.select(table).where(
        rows.matching(table.c.partner, {event.partner for event in changed}),
        rows.matching(table.c.day, {event.day for event in changed}),
    )
    found = {(row["partner"], row["day"]): dict(row) for row in (await conn.execute(query)).mappings()}
    touched = {(event.partner, event.day) for event in changed}
    for event in changed:
        place = (event.partner, event.day)
        found[place] = _day(found.get(place) or _no_day(*place), event)
    await rows.upsert(conn, table, [found[place] for place in touched])


def _no_day(partner: str, day: object) -> Row:
    return {
        "partner": partner,
        "day": day,
        "file_id": None,
        "expected": 0,
        "fees": 0,
        "received": 0,
        "fees_booked": 0,
        "credits": {},
        "corrections": {},
    }


def _day(row: Row, event: OfDay) -> Row:
    """What is owed is that of the file reconciled last, and of what was booked from its lines since; what came adds up."""
    if isinstance(event, SettlementFileReconciled):
        return row | {"file_id": event.file_id, "expected": event.expected, "fees": event.fees}
    if isinstance(event, SettlementFeesCorrected):
        return row | {"fees_booked": event.fees}
    if isinstance(event, DifferenceBooked):
        return row | {"expected": row["expected"] + event.expected, "fees": row["fees"] + event.fees}
    if isinstance(event, SettlementReceived):
        return row | {
            "received": row["received"] + event.amount,
            "fees_booked": row["fees_booked"] + event.fees,
            "credits": _noted(row["credits"], event),
        }
    return row | _corrected(row, event)


def _corrected(row: Row, event: CreditCorrectionProposed | CreditCorrected | CreditCorrectionDropped) -> Row:
    waiting = {key: one for key, one in row["corrections"].items() if key != str(event.proposal_id)}
    match event:
        case CreditCorrectionProposed():
            return {"corrections": {**waiting, str(event.proposal_id): event.model_dump(mode="json")}}
        case CreditCorrected():
            return {
                "corrections": waiting,
                "credits": {**row["credits"], event.evidence: event.amount},
                "received": row["received"] + event.amount - event.amount_before,
            }
        case CreditCorrectionDropped():
            return {"corrections": waiting}


def _noted(credits: Mapping[str, int], event: SettlementReceived) -> dict[str, int]:
    return {**credits, event.evidence: credits.get(event.evidence, 0) + event.amount}


async def _differences(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    names = [column.name for column in tables.settlement_differences.columns]
    booked = [r.event.model_dump() for r in events if isinstance(r.event, DifferenceBooked)]
    found = [{name: one[name] for name in names} | {"kind": str(one["kind"])} for one in booked]
    await rows.insert(conn, tables.settlement_differences, found)


async def _cases(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    changed = [r for r in events if type(r.event) in _OF_CASE]
    found = await _known(conn, changed, CaseOpened, tables.cases.c.case_id, lambda event: event.case_id)
    for r in changed:
        match r.event:
            case CaseOpened() as event:
                found[event.case_id] = _case(r, event)
            case CaseAssigned() as event:
                found[event.case_id] = found[event.case_id] | {"owner": event.owner}
            case CaseStatusTold() as event:
                found[event.case_id] = found[event.case_id] | {"status_told": event.answer}
            case CaseClosed() as event:
                found[event.case_id] = found[event.case_id] | {
                    "outcome": event.outcome,
                    "evidence": event.evidence,
                    "closed_at": r.envelope.occurred_at,
                    "booking": None,
                }
            case DifferenceProposed() as event:
                found[event.case_id] = found[event.case_id] | {"booking": event.model_dump(mode="json")}
            case DifferenceDropped() as event:
                found[event.case_id] = found[event.case_id] | {"booking": None}
    await rows.upsert(conn, tables.cases, [*found.values()])


def _case(recorded: Recorded, event: CaseOpened) -> Row:
    return {
        "case_id": event.case_id,
        "kind": event.kind,
        "partner": event.partner,
        "day": event.day,
        "owner": event.owner,
        "file_id": event.file_id,
        "line": event.line,
        "reference": event.reference,
        "payment_id": event.payment_id,
        "amount_here": event.amount_here,
        "amount_there": event.amount_there,
        "reason": event.reason,
        "opened_at": recorded.envelope.occurred_at,
        "status_told": None,
        "outcome": None,
        "evidence": None,
        "closed_at": None,
        "booking": None,
    }


async def _known(
    conn: AsyncConnection,
    changed: Sequence[Recorded],
    made_by: type[Event],
    column: sa.Column[Any],
    key: Callable[[Any], UUID],
) -> dict[UUID, Row]:
    """The rows that these events change and did not make themselves."""
    made = {key(r.event) for r in changed if type(r.event) is made_by}
    wanted = {key(r.event) for r in changed} - made
    if not wanted:
        return {}
    query = sa.select(column.table).where(rows.matching(column, wanted))
    return {row[column.name]: dict(row) for row in (await conn.execute(query)).mappings()}
