"""Where money stands that arrived by any door: on the bill it pays, or in suspense with its reason. Pure.

The money is there already, so nothing is refused: what settles no bill at its `effective_at` waits in suspense (dana titipan; domain.md
section 6), and a receipt that is known is booked no second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from contracts.events.contributions import PaymentUnmatched
from contracts.values import BillId, ParticipantId, PaymentId, Rupiah
from services.payments.domain.bill import Bill, BillStatus
from services.payments.domain.next_bill import NextBill, next_bill
from services.payments.domain.payer import Payer
from services.payments.domain.paying import CannotPay, Limits, Money, Posted, settle


class Reason(StrEnum):
    """Why money waits, beside those of `CannotPay` and of refused protection."""

    UNKNOWN_CODE = "unknown_code"
    BILL_CANCELLED = "bill_cancelled"
    PAYMENT_VOIDED = "payment_voided"
    """It was voided because the bank had it not, and arrived after all."""


class Known(StrEnum):
    """A receipt that is in the books already, under the same partner and reference."""

    SAME = "KNOWN"
    DIFFERS = "DIFFERS"


NEVER_SETTLED = "unmatched"
"""`reversed_for` of a receipt that settled no bill."""


def seen(booked: Posted, *, waits: bool, money: Money) -> Known | None:
    """What is known of this receipt; None when its money stands nowhere, as it was voided. `waits`: it is or was in suspense."""
    if booked.amount != money.amount:
        return Known.DIFFERS
    return None if is_voided(booked, waits=waits) else Known.SAME


def is_voided(booked: Posted, *, waits: bool) -> bool:
    """Whether the receipt's money stands nowhere, as it was found never to have come. `waits`: it is or was in suspense."""
    return booked.reversed_for is not None and not waits


def place(
    payer: Payer, money: Money, only: BillId | None, limits: Limits, *, bill_id: BillId
) -> Bill | NextBill | CannotPay | Reason:
    """The bill that this money pays, or why it pays none. `only`: it was asked for this bill (a QR, its own number), and pays this one or none.

    `bill_id`: of a bill that is issued with its payment.
    """
    asked = payer if only is None else payer._replace(bills=_only(payer.bills, only))
    outcome = settle(asked, money, None, limits, only)
    if outcome is CannotPay.EXPIRED and _was_cancelled(asked, money):
        return Reason.BILL_CANCELLED
    if isinstance(outcome, CannotPay) and only is None:
        return next_bill(payer, money, outcome, limits, bill_id=bill_id)
    return outcome


def suspend(
    money: Money,
    reason: CannotPay | Reason,
    *,
    payment_id: PaymentId,
    participant_id: ParticipantId | None,
    bill_id: BillId | None = None,
) -> PaymentUnmatched:
    """The money waits. `bill_id`: the bill it had settled before, if any."""
    return PaymentUnmatched(
        payment_id=payment_id,
        bill_id=bill_id,
        partner=money.partner,
        channel=money.channel,
        channel_reference=money.channel_reference,
        participant_id=participant_id,
        amount=Rupiah(money.amount),
        reason=reason,
        effective_at=money.effective_at,
        number=money.number,
    )


def never_settled(event: PaymentUnmatched, at: datetime) -> Posted:
    """The receipt of money that settled no bill, booked at business instant `at`: it holds its reference."""
    return Posted(
        payment_id=event.payment_id,
        bill_id=None,
        participant_id=event.participant_id,
        partner=event.partner,
        channel=event.channel,
        channel_reference=event.channel_reference,
        amount=event.amount,
        months=(),
        effective_at=event.effective_at,
        posted_at=at,
        reversed_for=NEVER_SETTLED,
        share_of=event.share_of,
        number=event.number,
    )


def _only(bills: Mapping[BillId, Bill], hint: BillId) -> Mapping[BillId, Bill]:
    return {hint: bills[hint]} if hint in bills else {}


def _was_cancelled(payer: Payer, money: Money) -> bool:
    """The newest bill of just this amount was cancelled before the money came."""
    same = [bill for bill in payer.bills.values() if bill.amount == money.amount]
    newest = max(same, key=lambda bill: (bill.issued_at, bill.bill_id), default=None)
    return newest is not None and newest.status is BillStatus.CANCELLED
