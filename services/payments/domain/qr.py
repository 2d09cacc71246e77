"""QR codes of bills: one per bill, made by an acquirer, paid once. What the acquirer tells never undoes a final state. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from contracts.event import Event
from contracts.events.reconciliation import QrClosed, QrIssued, QrNotIssued, QrPaid, QrRequested
from contracts.values import BillId, ParticipantId, Rupiah
from services.payments.domain.snap.notices import QrStatus, Told

QR_RULES = "qris-mpm/2025-01"
"""What follows from which status (snap.md section 10)."""

FIRST_QUESTION, LONGEST_GAP = timedelta(seconds=60), timedelta(hours=1)
LAST_QUESTION = timedelta(hours=24)
"""After the end of the code."""


class QrState(StrEnum):
    """REQUESTED: the acquirer has not made it yet, as far as we know. FAILED: it refused to; it may be asked again."""

    REQUESTED = "REQUESTED"
    FAILED = "FAILED"
    LIVE = "LIVE"
    PAID = "PAID"
    CLOSED = "CLOSED"


class QrEnd(StrEnum):
    """Why no payment is expected any more."""

    CANCELLED = "cancelled"
    FAILED = "failed"
    EXPIRED = "expired"
    REFUNDED = "refunded"
    BILL_ENDED = "bill_ended"
    """Told of no event: the code's bill is paid otherwise, cancelled or expired, and the acquirer is still asked about money that it took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Qr:
    """The code of one bill. `reference` is ours, `acquirer_reference` the acquirer's, None until it was made."""

    bill_id: BillId
    participant_id: ParticipantId
    partner: str
    reference: str
    amount: int
    expires_at: datetime
    state: QrState = QrState.REQUESTED
    acquirer_reference: str | None = None
    content: str | None = None
    reason: str | None = None

    @property
    def awaits(self) -> bool:
        """Whether the acquirer is still to be asked."""
        return self.state in (QrState.REQUESTED, QrState.LIVE)


NOTICE_DIFFERS = "notice_amount_differs"
"""Kind of the case about money that stands in our books and of which the acquirer tells another amount."""


class Take(StrEnum):
    """What a telling means beyond the events of the code."""

    MONEY = "money"
    """It took money: that is booked, whatever the state of the code."""
    REFUND = "refund"
    """It gave money back that stands in our books: a case."""
    ASK = "ask"
    """It took money and does not say how much: it is asked before anything is booked."""
    NOTHING = "nothing"


def reference_of(bill_id: BillId) -> str:
    """Our partnerReferenceNo: the bill's."""
    return bill_id.hex


def hear(qr: Qr | None, told: Told) -> tuple[Take, Event | None]:
    """What a telling leads to; None for `qr`: it is none of ours, but money is money."""
    match told.status:
        case QrStatus.SUCCESS:
            return _paid(qr, told)
        case QrStatus.REFUNDED:
            closes = qr is not None and qr.state is not QrState.CLOSED
            was_paid = qr is not None and qr.state is QrState.PAID
            return (Take.REFUND if was_paid else Take.NOTHING), _closed(qr, QrEnd.REFUNDED) if closes else None
        case QrStatus.CANCELLED | QrStatus.FAILED:
            end = QrEnd.CANCELLED if told.status is QrStatus.CANCELLED else QrEnd.FAILED
            return Take.NOTHING, _closed(qr, end) if qr is not None and qr.awaits else None
    return Take.NOTHING, None


def as_shown(qr: Qr, *, payable: bool) -> Qr:
    """The code as whoever would pay it may see it: none is alive whose bill can no longer be paid."""
    if payable or not qr.awaits:
        return qr
    return replace(qr, state=QrState.CLOSED, content=None, reason=QrEnd.BILL_ENDED)


def expire(qr: Qr, now: datetime) -> QrClosed | None:
    """The end of a code that nobody paid and nobody asks about any more."""
    return _closed(qr, QrEnd.EXPIRED) if qr.awaits and now >= qr.expires_at + LAST_QUESTION else None


def next_question(tries: int) -> timedelta:
    """How long after a question the next one is due: 60 s, then growing."""
    gap = FIRST_QUESTION * int(2 ** min(tries, 10))
    return min(gap, LONGEST_GAP)


def evolve(qr: Qr | None, event: Event) -> Qr | None:
    """The state after one event of the stream."""
    match event:
        case QrRequested():
            return Qr(
                bill_id=event.bill_id,
                participant_id=event.participant_id,
                partner=event.partner,
                reference=event.reference,
                amount=event.amount,
                expires_at=event.expires_at,
            )
        case QrIssued() if qr is not None:
            return _with(qr, QrState.LIVE, acquirer_reference=event.acquirer_reference, content=event.content)
        case QrNotIssued() if qr is not None:
            return _with(qr, QrState.FAILED, reason=event.response_code)
        case QrPaid() if qr is not None:
            return _with(qr, QrState.PAID, acquirer_reference=event.acquirer_reference, reason=None)
        case QrClosed() if qr is not None:
            return _with(qr, QrState.CLOSED, reason=event.reason)
    return qr


def _paid(qr: Qr | None, told: Told) -> tuple[Take, Event | None]:
    if told.amount is None:
        return Take.ASK, None
    if qr is None or qr.state is QrState.PAID:
        return Take.MONEY, None
    return Take.MONEY, QrPaid(
        bill_id=qr.bill_id,
        acquirer_reference=told.acquirer_reference,
        amount=Rupiah(told.amount),
        late=qr.state is QrState.CLOSED,
    )


def _closed(qr: Qr | None, reason: QrEnd) -> QrClosed | None:
    return None if qr is None else QrClosed(bill_id=qr.bill_id, reason=reason)


def _with(
    qr: Qr,
    state: QrState,
    *,
    acquirer_reference: str | None = None,
    content: str | None = None,
    reason: str | None = None,
) -> Qr:
    return Qr(
        bill_id=qr.bill_id,
        participant_id=qr.participant_id,
        partner=qr.partner,
        reference=qr.reference,
        amount=qr.amount,
        expires_at=qr.expires_at,
        state=state,
        acquirer_reference=acquirer_reference or qr.acquirer_reference,
        content=content or qr.content,
        reason=reason,
    )
