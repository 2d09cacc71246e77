"""What payments knows of one participant: how to price a month, which months are paid, which bills there are.

State is the fold of the participant's own `contributions` stream. Months are WIB calendar months; *M* is the last one
paid without a gap (Perdir 22/PERDIR.02/072022; domain.md section 6).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

from contracts.event import Event
from contracts.events.astray import ContributionRefunded, PayerClosed
from contracts.events.contributions import (
    BillCancelled,
    BillExpired,
    BillKind,
    BillNumbered,
    ContributionBilled,
    ContributionPaid,
    ContributionReversed,
    CreditAdded,
    CreditedMonth,
    CreditGranted,
    CreditReleased,
    CreditWithdrawn,
    PayerAdded,
    PayerCorrected,
)
from contracts.events.erasure import PayerForgotten
from contracts.events.participants import RefusalReason
from contracts.values import (
    USUAL_GRACE_MONTHS,
    BillId,
    ContributionMonth,
    FundingSource,
    ParticipantId,
    Programme,
    Sector,
)
from services.payments.domain.bill import Bill, BillStatus

_NOTHING_CREDITED: Mapping[ContributionMonth, CreditedMonth] = MappingProxyType({})
_USUAL_GRACES: Mapping[ContributionMonth, int] = MappingProxyType({})
_NO_BILLS: Mapping[BillId, Bill] = MappingProxyType({})

CLOSED = str(RefusalReason.PARTICIPANT_CLOSED)
_BLOCKING = frozenset({RefusalReason.NIK_TAKEN, RefusalReason.ENTRY_AGE_EXCEEDED, RefusalReason.PARTICIPANT_CLOSED})
"""Refusals after which further money would be refused again. REACTIVATED_MEANWHILE is none: the new spell goes on."""


class Payer(NamedTuple):
    """`bills` holds those that matter to the question at hand, not all there ever were."""

    participant_id: ParticipantId
    contribution_code: str
    income: int
    sector: Sector
    programmes: frozenset[Programme]
    funding_source: FundingSource
    registration_expires_at: datetime
    paid: frozenset[ContributionMonth] = frozenset()
    blocked: str | None = None
    new_to_bpu: bool = False
    by_agent: bool = False
    """An agent registered the participant; the envelope of the first event says so, and no event does."""
    bills: Mapping[BillId, Bill] = _NO_BILLS
    credit: int = 0
    """Carry-forward credit in rupiah, for the JKK and JKM of the next bills."""
    from_suspense: int = 0
    """How much of `credit` is money that two people took out of suspense; it is used first."""
    credited: Mapping[ContributionMonth, CreditedMonth] = _NOTHING_CREDITED
    """Paid months whose excess became credit."""

    graces: Mapping[ContributionMonth, int] = _USUAL_GRACES
    """Paid months with another grace than the usual one."""
    closed_on: date | None = None
    """The WIB day on which the participation ended for good."""

    @property
    def closed(self) -> bool:
        """Whether the participation ended for good."""
        return self.blocked == CLOSED

    def owed_after_the_end(self, instant: datetime) -> tuple[ContributionMonth, ...]:
        """Of who died in grace: the arrears up to the month of the death, payable until the lapse instant (T12); empty for all others."""
        through, lapses_at = self.paid_through, self.lapses_at
        if not self.closed or self.closed_on is None or through is None or lapses_at is None or instant >= lapses_at:
            return ()
        arrears = ContributionMonth(self.closed_on.year, self.closed_on.month) - through
        return tuple(month for n in range(1, arrears + 1) if (month := through + n) not in self.paid)

    def may_pay(self, instant: datetime) -> bool:
        """Whether money is taken of this payer at all, whatever the bill."""
        return self.blocked is None or bool(self.owed_after_the_end(instant))

    @property
    def paid_through(self) -> ContributionMonth | None:
        """M: the last month paid without a gap in the current spell; None when nothing is paid."""
        return last_month_paid(self.paid, self.graces)

    @property
    def lapses_at(self) -> datetime | None:
        """00:00 WIB of the first day after the grace of M (of M+4, usually); None when nothing is paid."""
        through = self.paid_through
        return None if through is None else (through + grace_of(through, self.graces) + 1).starts_at

    @property
    def open_bill(self) -> Bill | None:
        """The one bill that is not ended; it may be past its `expires_at` and not yet marked so."""
        return next((bill for bill in self.bills.values() if bill.status is BillStatus.OPEN), None)

    def kind_at(self, instant: datetime) -> BillKind:
        """What a payment at this instant would be: a first one, one of the running spell, or one after its lapse."""
        lapses_at = self.lapses_at
        if lapses_at is None:
            return BillKind.FIRST
        return BillKind.REACTIVATION if instant >= lapses_at else BillKind.STANDARD

    def unpaid_from(self, instant: datetime) -> ContributionMonth:
        """The oldest month that may be billed: M+1, or the current month of a first or reactivation bill."""
        through = self.paid_through
        if through is None or self.kind_at(instant) is BillKind.REACTIVATION:
            return ContributionMonth.of(instant)
        return through + 1

    def months_owed(self, instant: datetime) -> tuple[ContributionMonth, ...]:
        """Unpaid months up to and including the current one, oldest first; empty when paid up."""
        current = ContributionMonth.of(instant)
        if self.closed:
            return self.owed_after_the_end(instant)
        if not self.paid:
            return (current,)
        first = self.unpaid_from(instant)
        return tuple(month for n in range(current - first + 1) if (month := first + n) not in self.paid)

    def next_unpaid(self, instant: datetime, count: int) -> tuple[ContributionMonth, ...]:
        """The first `count` unpaid months, oldest first, reaching into the future where arrears do not fill them."""
        if self.closed:
            return self.owed_after_the_end(instant)[:count]
        month, months = self.unpaid_from(instant), list[ContributionMonth]()
        while len(months) < count:
            if month not in self.paid:
                months.append(month)
            month += 1
        return tuple(months)


def grace_of(month: ContributionMonth, graces: Mapping[ContributionMonth, int]) -> int:
    """How many months after this one may still be paid while it is the last paid."""
    return graces.get(month, USUAL_GRACE_MONTHS)


def last_month_paid(
    paid: Iterable[ContributionMonth], graces: Mapping[ContributionMonth, int] = _USUAL_GRACES
) -> ContributionMonth | None:
    """M. A month beyond grace (M+4 or later) begins a new spell; one after a hole inside grace does not move M."""
    through: ContributionMonth | None = None
    for month in sorted(paid):
        if through is None or month - through == 1 or month - through > grace_of(through, graces):
            through = month
    return through


def evolve(payer: Payer | None, event: Event, at: datetime) -> Payer | None:
    """The state after one event of the stream, recorded at business instant `at`; other events change nothing."""
    if isinstance(event, PayerAdded):
        return added(event)
    if payer is None:
        raise LookupError(f"{event.type} of a participant that was never added")
    match event:
        case PayerCorrected():
            return _corrected(payer, event)
        case ContributionBilled():
            return _with(payer, issued(event, at))
        case BillNumbered():
            return _with(payer, payer.bills[event.bill_id]._replace(number=event.number))
        case BillExpired():
            return _ended(payer, event.bill_id, BillStatus.EXPIRED, at, None)
        case BillCancelled():
            return _ended(payer, event.bill_id, BillStatus.CANCELLED, at, event.reason)
        case ContributionPaid():
            bill = payer.bills[event.bill_id]
            bill = bill._replace(status=BillStatus.PAID, closed_at=at, reason=None, payment_id=event.payment_id)
            paid = payer.paid | _months(event)
            return _with(_credited(payer, event, -1), bill)._replace(paid=paid, graces=_graces(payer, event))
        case ContributionReversed():
            reversed_ = _ended(payer, event.bill_id, BillStatus.REVERSED, at, event.reason)
            blocked = event.refusal if event.refusal in _BLOCKING else payer.blocked
            return _unpaid(_credited(reversed_, event, +1), _months(event))._replace(blocked=blocked)
        case ContributionRefunded():
            return _unpaid(payer, _months(event))
        case CreditGranted():
            credited = {**payer.credited, **{one.month: one for one in event.months}}
            return payer._replace(credit=payer.credit + event.amount, credited=credited)
        case CreditWithdrawn() | CreditReleased():
            left = payer.credit - event.amount
            return payer._replace(credit=left, from_suspense=min(payer.from_suspense, left))
        case CreditAdded():
            return payer._replace(credit=payer.credit + event.amount, from_suspense=payer.from_suspense + event.amount)
        case PayerClosed():
            return payer._replace(blocked=CLOSED, closed_on=event.closed_on)
        case PayerForgotten():
            return payer._replace(blocked=CLOSED)
    return payer


def added(event: PayerAdded, *, by_agent: bool = False) -> Payer:
    """The payer as noted; nothing is paid or billed yet. `by_agent`: the event's envelope names the agent who registered him."""
    return Payer(
        participant_id=event.participant_id,
        contribution_code=event.contribution_code,
        income=event.income,
        sector=event.sector,
        programmes=frozenset(event.programmes),
        funding_source=event.funding_source,
        registration_expires_at=event.registration_expires_at,
        new_to_bpu=bool(event.new_to_bpu),
        by_agent=by_agent,
    )


def _corrected(payer: Payer, event: PayerCorrected) -> Payer:
    return payer._replace(
        income=event.income,
        sector=event.sector,
        programmes=frozenset(event.programmes),
        funding_source=event.funding_source,
    )


def issued(event: ContributionBilled, at: datetime) -> Bill:
    """The bill as it was issued at business instant `at`."""
    return Bill(
        bill_id=event.bill_id,
        kind=event.kind,
        months=event.months,
        amount=event.amount,
        funding_source=event.funding_source,
        issued_at=at,
        expires_at=event.expires_at,
        sector=event.sector,
    )


def _ended(payer: Payer, bill_id: BillId, status: BillStatus, at: datetime, reason: str | None) -> Payer:
    return _with(payer, payer.bills[bill_id]._replace(status=status, closed_at=at, reason=reason))


def _with(payer: Payer, bill: Bill) -> Payer:
    return payer._replace(bills={**payer.bills, bill.bill_id: bill})


def _unpaid(payer: Payer, months: frozenset[ContributionMonth]) -> Payer:
    credited = {month: one for month, one in payer.credited.items() if month not in months}
    graces = {month: grace for month, grace in payer.graces.items() if month not in months}
    return payer._replace(paid=payer.paid - months, credited=credited, graces=graces)


def _graces(payer: Payer, event: ContributionPaid) -> Mapping[ContributionMonth, int]:
    own = {charge.month: charge.grace_months for charge in event.months if charge.grace_months != USUAL_GRACE_MONTHS}
    return {**payer.graces, **own} if own else payer.graces


def _credited(payer: Payer, event: ContributionPaid | ContributionReversed, sign: int) -> Payer:
    """With the credit that these months use gone, or back."""
    return payer._replace(
        credit=payer.credit + sign * sum(charge.credit for charge in event.months),
        from_suspense=payer.from_suspense + sign * sum(charge.from_suspense for charge in event.months),
    )


def _months(event: ContributionPaid | ContributionReversed | ContributionRefunded) -> frozenset[ContributionMonth]:
    return frozenset(charge.month for charge in event.months)
