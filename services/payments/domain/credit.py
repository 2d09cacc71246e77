"""Carry-forward credit: months paid at full price that a later rule discounts lower the JKK and JKM of the next bills (PP 50/2025; domain.md
section 5). Pure deciders over `Payer`.

Credit is money that stands on the account `carry-forward`. It is never below zero: it comes from what was paid, or from money in suspense
that two people gave a participant; is used by bills of a running spell, comes back when such a payment is taken back, goes when the payment
it came from is, and is owed in cash when the participation ends for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts.event import Event
from contracts.events.contributions import (
    BillKind,
    ContributionPaid,
    ContributionReversed,
    CreditAdded,
    CreditedMonth,
    CreditGranted,
    CreditReleased,
    CreditWithdrawn,
    MonthCharge,
)
from contracts.values import PaymentId, ProposalId, Rupiah
from services.payments.domain.bill import Bill
from services.payments.domain.contribution import excess, with_sources
from services.payments.domain.parameters import ContributionRules
from services.payments.domain.payer import Payer, evolve
from services.payments.domain.paying import Posted, refuse_protection

OWN, CHANNEL = "perisai", "carry-forward"
"""Partner and channel of a payment that no money came for."""
CREDIT_LEFT = "credit_left"
"""Why it is owed: the participation ended before it was used."""


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
        months=tuple(with_sources(bill.months, payer.from_suspense)),
        effective_at=now,
        posted_at=now,
    )


def taken_back(
    payer: Payer, reversed_: ContributionReversed
) -> tuple[ContributionReversed, *tuple[CreditWithdrawn, ...]]:
    """The reversal with what became of its months since: those that were given back stay out of it; their credit is withdrawn, or, where it was
    used, stays out of what goes back."""
    still_paid = [charge for charge in reversed_.months if charge.month in payer.paid]
    available = payer.credit + sum(charge.credit for charge in still_paid)
    withdrawn: list[CreditedMonth] = []
    months: list[MonthCharge] = []
    for charge in still_paid:
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


def refused(
    payer: Payer, payment: Posted, reason: str, *, refund_id: PaymentId, now: datetime
) -> Sequence[Event] | None:
    """Everything that follows from refused protection: what stands of the payment waits in suspense, in money; nothing does where credit paid
    it all, or its months were given back. None when it was taken back before."""
    events = refuse_protection(payment, reason)
    if events is None:
        return None
    reversed_, unmatched = events
    back = taken_back(payer, reversed_)
    money = back[0].amount
    waits = (unmatched.model_copy(update={"amount": money}),) if money else ()
    return [*back, *left_over(payer, back, refund_id=refund_id, now=now), *waits]


def left_over(
    payer: Payer, events: Iterable[Event], *, refund_id: PaymentId, now: datetime
) -> tuple[CreditReleased, ...]:
    """What these events leave of the credit of somebody of whom no more money is taken: nothing will use it, so it is owed."""
    for event in events:
        after = evolve(payer, event, now)
        assert after is not None
        payer = after
    released = release(payer, refund_id=refund_id) if payer.blocked else None
    return () if released is None else (released,)


def add(payer: Payer, receipt: PaymentId, amount: int, *, proposal_id: ProposalId, now: datetime) -> CreditAdded | None:
    """Money of a receipt as credit; None where no next bill would use it: nothing runs now, or nothing more is taken."""
    if payer.blocked or payer.kind_at(now) is not BillKind.STANDARD:
        return None
    return CreditAdded(
        payment_id=receipt, participant_id=payer.participant_id, amount=Rupiah(amount), proposal_id=proposal_id
    )


def release(payer: Payer, *, refund_id: PaymentId) -> CreditReleased | None:
    """What is left of the credit, as money that is owed; None when nothing is. `refund_id` names it."""
    if not payer.credit:
        return None
    return CreditReleased(
        payment_id=refund_id, participant_id=payer.participant_id, amount=Rupiah(payer.credit), reason=CREDIT_LEFT
    )


def standing(payer: Payer, months: Iterable[MonthCharge]) -> tuple[MonthCharge, ...]:
    """Months as they stand in the books: without the excess that became credit."""
    return tuple(
        lowered(charge, credited) if (credited := payer.credited.get(charge.month)) else charge for charge in months
    )


def lowered(charge: MonthCharge, by: CreditedMonth) -> MonthCharge:
    """The charge without that excess; it used no more credit than is left of its JKK and JKM."""
    jkk, jkm = charge.jkk - by.jkk, charge.jkm - by.jkm
    credit = min(charge.credit, jkk + jkm)
    kept = {"jkk": jkk, "jkm": jkm, "credit": credit, "from_suspense": min(charge.from_suspense, credit)}
    return charge.model_copy(update={name: Rupiah(amount) for name, amount in kept.items()})
