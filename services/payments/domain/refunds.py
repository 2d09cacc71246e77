"""Months paid for after a participation ended are given back, JHT too, and owed until they are paid out (Perdir 22/2022; domain.md section 8);
so is credit that no bill will use any more (section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from contracts.events.astray import ContributionRefunded, PayerClosed
from contracts.events.contributions import CreditReleased, MonthCharge
from contracts.values import ContributionMonth, ParticipantId, PaymentId, Rupiah
from services.payments.domain.credit import release, standing
from services.payments.domain.payer import Payer
from services.payments.domain.paying import Posted

EXCESS_MONTHS = "months_after_the_end"


class Refund(NamedTuple):
    """What is owed of one payment, or of credit that was left; then `payment_id` is its own."""

    payment_id: PaymentId
    participant_id: ParticipantId
    amount: int


def close_payer(
    payer: Payer, payments: Iterable[Posted], *, closed_on: date, reason: str, refund_id: PaymentId
) -> Sequence[PayerClosed | ContributionRefunded | CreditReleased] | None:
    """The payer is closed, and every paid month after that of `closed_on` (WIB) given back, as is the credit that is left (under `refund_id`);
    None when it was closed before."""
    if payer.closed:
        return None
    last = ContributionMonth(closed_on.year, closed_on.month)
    closed = PayerClosed(participant_id=payer.participant_id, closed_on=closed_on, reason=reason)
    stand = sorted((p for p in payments if p.reversed_for is None), key=lambda p: (p.posted_at, p.payment_id))
    given_back = [_refund(payer, payment, last) for payment in stand]
    owed = [*given_back, release(payer, refund_id=refund_id)]
    return [closed, *(refund for refund in owed if refund is not None)]


def _refund(payer: Payer, payment: Posted, last: ContributionMonth) -> ContributionRefunded | None:
    excess = (charge for charge in payment.months if charge.month > last and charge.month in payer.paid)
    months = standing(payer, excess)
    if not months:
        return None
    return ContributionRefunded(
        payment_id=payment.payment_id,
        participant_id=payer.participant_id,
        partner=payment.partner,
        amount=Rupiah(total(months)),
        months=months,
        reason=EXCESS_MONTHS,
    )


def total(months: Sequence[MonthCharge]) -> int:
    return sum(charge.total for charge in months)
