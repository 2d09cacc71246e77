"""Carry-forward credit: months paid at full price that a later rule discounts lower the JKK and JKM of the next bills (PP 50/2025; domain.md
section 5). Pure deciders over `Payer`.

Credit is money that stands on the account `carry-forward`. It is never below zero: it comes from what was paid, is used by bills of a
running spell, comes back when such a payment is taken back, and goes when the payment it came from is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts.events.contributions import (
    ContributionPaid,
    ContributionReversed,
    CreditedMonth,
    CreditGranted,
    CreditWithdrawn,
    MonthCharge,
)
from contracts.values import PaymentId, Rupiah
from services.payments.domain.bill import Bill
from services.payments.domain.contribution import excess
from services.payments.domain.parameters import ContributionRules
from services.payments.domain.payer import Payer
from services.payments.domain.paying import Posted

OWN, CHANNEL = "perisai", "carry-forward"
"""Partner and channel of a payment that no money came for."""


def grants(payer: Payer, payments: Iterable[Posted], rules: ContributionRules) -> Sequence[CreditGranted]:
    """The excess of each standing payment under these rules, months that were credited before left out. `payer.bills` holds their bills.

    Sector and payer are those of the bill that was paid: a later change of the occupation counts from the next unpaid month.
    """
    found: list[CreditGranted] = []
    for payment in payments:
        months = tuple(_excesses(payer, payment, rules))
        if months:
            found.append(
                CreditGranted(
                    payment_id=payment.payment_id,
                    participant_id=payer.participant_id,
                    months=months,
                    amount=Rupiah(sum(month.total for month in months)),
                )
            )
    return found


def _excesses(payer: Payer, payment: Posted, rules: ContributionRules) -> Iterable[CreditedMonth]:
    if payment.reversed_for is not None or payment.bill_id is None:
        return
    bill = payer.bills.get(payment.bill_id)
    sector = (bill.sector if bill else None) or payer.sector
    funding_source = bill.funding_source if bill else payer.funding_source
    for charge in payment.months:
        if charge.month in payer.paid and charge.month not in payer.credited:
            more = excess(charge, sector=sector, funding_source=funding_source, rules=rules)
            if more is not None:
                yield more


def settled_by_credit(payer: Payer, bill: Bill, *, payment_id: PaymentId, now: datetime) -> ContributionPaid:
    """A bill that credit covers whole is paid as it is issued: nobody can pay nothing."""
    return ContributionPaid(
        payment_id=payment_id,
        bill_id=bill.bill_id,
        participant_id=payer.participant_id,
        kind=bill.kind,
        partner=OWN,
        channel=CHANNEL,
        channel_reference=str(bill.bill_id),
        amount=Rupiah(0),
        months=bill.months,
        effective_at=now,
        posted_at=now,
    )


def taken_back(
    payer: Payer, reversed_: ContributionReversed
) -> tuple[ContributionReversed, *tuple[CreditWithdrawn, ...]]:
    """The reversal with what became of its months since: their credit is withdrawn, or, where it was used, stays out of what goes back."""
    available = payer.credit + sum(charge.credit for charge in reversed_.months)
    withdrawn: list[CreditedMonth] = []
    months: list[MonthCharge] = []
    for charge in reversed_.months:
        credited = payer.credited.get(charge.month)
        if credited is None or credited.total <= available:
            months.append(charge)
        else:
            months.append(lowered(charge, credited))
        if credited is not None and credited.total <= available:
            withdrawn.append(credited)
            available -= credited.total
    standing = reversed_.model_copy(
        update={"months": tuple(months), "amount": Rupiah(sum(charge.due for charge in months))}
    )
    if not withdrawn:
        return (standing,)
    return standing, CreditWithdrawn(
        payment_id=reversed_.payment_id,
        participant_id=payer.participant_id,
        months=tuple(withdrawn),
        amount=Rupiah(sum(month.total for month in withdrawn)),
    )


def standing(payer: Payer, months: Iterable[MonthCharge]) -> tuple[MonthCharge, ...]:
    """Months as they stand in the books: without the excess that became credit."""
    return tuple(
        lowered(charge, credited) if (credited := payer.credited.get(charge.month)) else charge for charge in months
    )


def lowered(charge: MonthCharge, by: CreditedMonth) -> MonthCharge:
    """The charge without that excess; it used no more credit than is left of its JKK and JKM."""
    jkk, jkm = charge.jkk - by.jkk, charge.jkm - by.jkm
    return charge.model_copy(
        update={"jkk": Rupiah(jkk), "jkm": Rupiah(jkm), "credit": Rupiah(min(charge.credit, jkk + jkm))}
    )
