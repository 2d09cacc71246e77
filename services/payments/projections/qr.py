"""QR codes: loaded, folded with `domain.qr.evolve`, and written back whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.events.reconciliation import QrClosed, QrIssued, QrNotIssued, QrPaid, QrRequested
from contracts.values import BillId
from services.payments import tables
from services.payments.domain.qr import Qr, evolve
from services.payments.queries import qr as queries

OfQr = QrRequested | QrIssued | QrNotIssued | QrPaid | QrClosed
_OURS = frozenset({QrRequested, QrIssued, QrNotIssued, QrPaid, QrClosed})


async def qr_codes(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r.event for r in recorded if type(r.event) in _OURS]
    if not events:
        return
    found: dict[BillId, Qr] = await queries.by_bill(conn, {e.bill_id for e in events if isinstance(e, OfQr)})
    for event in events:
        assert isinstance(event, OfQr)
        after = evolve(found.get(event.bill_id), event)
        assert after is not None
        found[event.bill_id] = after
    await rows.upsert(conn, tables.qr_codes, [_row(qr) for qr in found.values()], order=("partner", "reference"))


def _row(qr: Qr) -> dict[str, Any]:
    return {
        "bill_id": qr.bill_id,
        "participant_id": qr.participant_id,
        "partner": qr.partner,
        "reference": qr.reference,
        "amount": qr.amount,
        "expires_at": qr.expires_at,
        "state": str(qr.state),
        "acquirer_reference": qr.acquirer_reference,
        "content": qr.content,
        "reason": qr.reason,
    }
