"""Money in suspense (dana titipan): how much of it still waits, and what may become of it. Pure; the fold of one key of stream `receipts`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from contracts.event import Event
from contracts.events.astray import (
    CaseTaken,
    PaymentAssigned,
    PaymentCredited,
    PaymentMatched,
    PaymentReturned,
    PaymentReturnFailed,
    PaymentVoided,
)
from contracts.events.contributions import PaymentUnmatched
from contracts.values import BillId, ParticipantId, PaymentId

VOIDED = "voided"
"""The bank never had it: it may still arrive."""
_OUTCOMES = {
    PaymentMatched: "matched",
    PaymentCredited: "credited",
    PaymentReturned: "returned",
    PaymentAssigned: "assigned",
    PaymentVoided: VOIDED,
}


class Case(NamedTuple):
    """`held`: whole rupiah that still wait, of `amount`; `outcome`: what became of the rest last. Closed when nothing is held."""

    payment_id: PaymentId
    bill_id: BillId | None
    partner: str
    channel: str
    channel_reference: str
    participant_id: ParticipantId | None
    amount: int
    held: int
    reason: str
    effective_at: datetime
    since: datetime
    owner: str | None = None
    outcome: str | None = None
    closed_at: datetime | None = None


def evolve(case: Case | None, event: Event, at: datetime) -> Case | None:
    """The state after one event of the receipt, recorded at business instant `at`; other events change nothing."""
    if isinstance(event, PaymentUnmatched):
        return opened(event, at)
    if case is None:
        return None
    match event:
        case CaseTaken():
            return case._replace(owner=event.owner)
        case PaymentReturnFailed():
            return case._replace(held=case.held + event.amount, outcome=None, closed_at=None)
        case PaymentMatched() | PaymentCredited() | PaymentReturned() | PaymentAssigned() | PaymentVoided():
            held = case.held - event.amount
            return case._replace(held=held, outcome=_OUTCOMES[type(event)], closed_at=None if held else at)
    return case


def opened(event: PaymentUnmatched, at: datetime) -> Case:
    """All of the money waits."""
    return Case(
        payment_id=event.payment_id,
        bill_id=event.bill_id,
        partner=event.partner,
        channel=event.channel,
        channel_reference=event.channel_reference,
        participant_id=event.participant_id,
        amount=event.amount,
        held=event.amount,
        reason=event.reason,
        effective_at=event.effective_at,
        since=at,
    )
