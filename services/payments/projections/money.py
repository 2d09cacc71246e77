"""Receipts, written straight from their events: payments of bills, money that never settled one, further names of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.events.contributions import (
    ContributionPaid,
    ContributionReversed,
    PaymentUnmatched,
    ReceiptNamed,
)
from contracts.values import PaymentId
from services.payments import tables
from services.payments.domain.arriving import never_settled
from services.payments.domain.paying import posted
from services.payments.store import receipt_row

_OF_RECEIPTS = frozenset({ContributionPaid, ContributionReversed, PaymentUnmatched})


async def payments(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OF_RECEIPTS]
    if not events:
        return
    paid = {
        r.event.payment_id: receipt_row(posted(r.event), r.event.kind)
        for r in events
        if isinstance(r.event, ContributionPaid)
    }
    unmatched = [_receipt(r, r.event) for r in events if isinstance(r.event, PaymentUnmatched)]
    taken_back = {r.event.payment_id: r.event.reason for r in events if isinstance(r.event, ContributionReversed)}
    earlier: dict[PaymentId, dict[str, Any]] = {}
    if known := taken_back.keys() - paid.keys():
        query = sa.select(tables.payments).where(rows.matching(tables.payments.c.payment_id, known))
        earlier = {row["payment_id"]: dict(row) for row in (await conn.execute(query)).mappings()}
    order = ("partner", "channel_reference")
    new = [*_with_reasons(paid, taken_back), *(row for row in unmatched if row is not None)]
    await rows.insert(conn, tables.payments, new, order=order)
    await rows.upsert(conn, tables.payments, _with_reasons(earlier, taken_back), order=order)


async def receipt_names(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    named = [
        {"partner": r.event.partner, "reference": r.event.reference, "payment_id": r.event.payment_id}
        for r in recorded
        if isinstance(r.event, ReceiptNamed)
    ]
    if named:
        await rows.insert(conn, tables.receipt_names, named)


def _with_reasons(
    found: Mapping[PaymentId, dict[str, Any]], taken_back: Mapping[PaymentId, str]
) -> list[dict[str, Any]]:
    return [row | {"reversed_for": taken_back.get(payment_id)} for payment_id, row in found.items()]


def _receipt(recorded: Recorded, event: PaymentUnmatched) -> dict[str, Any] | None:
    """The row that holds the reference of money that never settled a bill; None where the payment has its row."""
    if event.bill_id is not None or recorded.envelope.seq != 1:
        return None
    return receipt_row(never_settled(event, recorded.envelope.occurred_at))
