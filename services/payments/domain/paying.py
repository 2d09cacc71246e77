"""Settling a bill with money that a channel reports, and taking it back: pure deciders over `Payer`.

A payment settles one bill in full or nothing. Whether the bill was payable is judged at the payment's `effective_at`,
never at its arrival; a refusal books nothing (domain.md section 6; snap.md sections 8 and 9).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from contracts.event import Event
from contracts.events.contributions import (
    BillCancelled,
    BillKind,
    ContributionPaid,
    ContributionReversed,
    MonthCharge,
    PaymentUnmatched,
)
from contracts.events.participants import RefusalReason
from contracts.values import AgentId, BillId, ContributionMonth, ParticipantId, PaymentId, Rupiah
from services.payments.domain.bill import Bill, BillStatus
from services.payments.domain.billing import CancelReason
from services.payments.domain.contribution import with_sources
from services.payments.domain.first_payments import is_barred
from services.payments.domain.parameters import DEFAULTS, MAX_BACKDATE_DAYS, PaymentChannel, Sets
from services.payments.domain.payer import Payer


class CannotPay(StrEnum):
    """Why a payment settles nothing."""

    EXPIRED = "bill_expired"
    TOO_OLD = "payment_too_old"
    PAID = "bill_paid"
    WRONG_AMOUNT = "wrong_amount"
    BLOCKED = "payer_blocked"
    CLOSED = "participation_closed"
    OTHER_CHANNEL = "channel_not_for_first"
    """The first payment of an agent's participant, by a channel that is not among `first_payment_channels`."""
    VOID = "bill_void"
    """Of a collective bill: all of its lines are void, so there is nobody whom the money would pay for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a channel says it took: `effective_at` is its transaction time, `received_at` ours, both business
    instants.
    """

    partner: str
    channel: str
    channel_reference: str
    amount: int
    effective_at: datetime
    received_at: datetime
    number: str | None = None
    """The bill's own number that it came to; None for any other."""
    came_by: PaymentChannel = PaymentChannel.BANK_VA


@dataclass(frozen=True, slots=True)
class Quote:
    """An inquiry told the payer this bill at this business instant."""

    bill_id: BillId
    at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """Dated parameters of domain.md section 14 and snap.md section 9."""

    max_backdate: timedelta = timedelta(days=7)
    quote_validity: timedelta = timedelta(minutes=15)
    clock_skew: timedelta = timedelta(minutes=5)
    """How far a partner's clock may be behind ours."""
    sets: Sets = DEFAULTS
    """Of what is judged by the day of the payment itself."""

    def under(self, sets: Sets, day: date) -> Limits:
        """With the backdating that holds on a WIB day."""
        return replace(self, max_backdate=timedelta(days=sets.on(MAX_BACKDATE_DAYS, day).days), sets=sets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A receipt as it stands in the books: a payment of a bill, or money that never settled one (no bill, no months).

    The whole of a collective bill has that bill and no participant, an agent's deposit has neither, but the agent.
    """

    payment_id: PaymentId
    bill_id: BillId | None
    participant_id: ParticipantId | None
    partner: str
    channel: str
    channel_reference: str
    amount: int
    months: tuple[MonthCharge, ...]
    effective_at: datetime
    posted_at: datetime
    reversed_for: str | None = None
    share_of: BillId | None = None
    agent_id: AgentId | None = None
    voided: bool = False
    """Its partner never had the money, as two people found; asked only where a partner is answered (`queries.deciding`)."""
    number: str | None = None
    """The bill's own number that it came to; None for any other."""

    @property
    def target_id(self) -> UUID | None:
        """What the number stood for that it was paid to: a payer, a collective bill, an agent."""
        return self.participant_id or self.agent_id or self.bill_id


def settle(
    payer: Payer, money: Money, quote: Quote | None, limits: Limits, only: BillId | None = None
) -> Bill | CannotPay:
    """The bill that this money pays. A quoted payment pays the quoted bill or nothing; so does one that came for one bill `only`.

    A standing number is paid up when nothing is owed at it, not because a month of before is paid (rule 22).
    """
    if money.effective_at < money.received_at - limits.max_backdate:
        return CannotPay.TOO_OLD
    if not payer.may_pay(money.effective_at):
        return CannotPay.CLOSED if payer.blocked == RefusalReason.PARTICIPANT_CLOSED else CannotPay.BLOCKED
    bills = _candidates(payer, quote, only)
    meant = [bill for bill in bills if quote is not None or was_issued(bill, money, limits)]
    payable = [bill for bill in meant if is_payable(payer, bill, money.effective_at, quote, limits)]
    if any(is_barred(b.kind, money.came_by, money.effective_at, limits.sets, by_agent=payer.by_agent) for b in payable):
        return CannotPay.OTHER_CHANNEL
    for bill in payable:
        if bill.amount == money.amount:
            return bill
    if payable:
        return CannotPay.WRONG_AMOUNT
    named = quote is not None or only is not None
    paid = (named and is_paid(payer, bills)) or (only is None and _owes_nothing(payer, money.effective_at))
    return CannotPay.PAID if paid else CannotPay.EXPIRED


def was_issued(bill: Bill, money: Money, limits: Limits) -> bool:
    """Nobody pays what he could not have been shown: the bill was there when the money was taken.

    In its own month, one of months that were owed by then says nothing new, so money of before pays it too (a first bill that came late, one
    that was issued anew); one of months ahead does not, but for clocks that differ.
    """
    if money.effective_at >= bill.issued_at:
        return True
    month = ContributionMonth.of(money.effective_at)
    if month != ContributionMonth.of(bill.issued_at):
        return False
    owed = all(charge.month <= month for charge in bill.months)
    return owed or bill.issued_at - money.effective_at <= limits.clock_skew


def is_payable(payer: Payer, bill: Bill, instant: datetime, quote: Quote | None, limits: Limits) -> bool:
    """Whether this bill could be paid at `instant`: not ended by then, or quoted before its end and within the
    quote's validity.

    A quote carries neither a first or reactivation bill across its month, nor a standard one across the lapse instant.
    """
    if bill.status is BillStatus.REVERSED or bill.contribution_months & payer.paid or bill.credit > payer.credit:
        return False
    if not _fits_the_spell(payer, bill, instant):
        return False
    ended_at = min(bill.ended_at, payer.registration_expires_at) if bill.kind is BillKind.FIRST else bill.ended_at
    if instant < ended_at:
        return True
    return (
        quote is not None
        and quote.bill_id == bill.bill_id
        and quote.at <= ended_at
        and instant <= quote.at + limits.quote_validity
    )


def post(payer: Payer, bill: Bill, money: Money, *, payment_id: PaymentId, now: datetime) -> Sequence[Event]:
    """The payment, and the end of any other open bill: its months or its kind no longer hold."""
    paid = ContributionPaid(
        payment_id=payment_id,
        bill_id=bill.bill_id,
        participant_id=payer.participant_id,
        kind=bill.kind,
        partner=money.partner,
        channel=money.channel,
        channel_reference=money.channel_reference,
        amount=Rupiah(bill.amount),
        months=tuple(with_sources(bill.months, payer.from_suspense)),
        effective_at=money.effective_at,
        posted_at=now,
        number=money.number,
    )
    other = payer.open_bill
    if other is None or other.bill_id == bill.bill_id:
        return (paid,)
    ended = BillCancelled(bill_id=other.bill_id, participant_id=payer.participant_id, reason=CancelReason.SUPERSEDED)
    return (paid, ended)


def posted(paid: ContributionPaid) -> Posted:
    """The payment as it stands once posted."""
    return Posted(
        payment_id=paid.payment_id,
        bill_id=paid.bill_id,
        participant_id=paid.participant_id,
        partner=paid.partner,
        channel=paid.channel,
        channel_reference=paid.channel_reference,
        amount=paid.amount,
        months=paid.months,
        effective_at=paid.effective_at,
        posted_at=paid.posted_at,
        share_of=paid.share_of,
        number=paid.number,
    )


def refuse_protection(payment: Posted, reason: str) -> tuple[ContributionReversed, PaymentUnmatched] | None:
    """The payment leaves its bill and stands in suspense under this reason; None when it already does, or never settled one.

    As if nothing became of its months since: see `credit.refused`.
    """
    if payment.reversed_for is not None or payment.bill_id is None or payment.participant_id is None:
        return None
    taken_back = ContributionReversed(
        payment_id=payment.payment_id,
        bill_id=payment.bill_id,
        participant_id=payment.participant_id,
        partner=payment.partner,
        amount=Rupiah(payment.amount),
        months=payment.months,
        reason="protection_refused",
        refusal=reason,
    )
    unmatched = PaymentUnmatched(
        payment_id=payment.payment_id,
        bill_id=payment.bill_id,
        partner=payment.partner,
        channel=payment.channel,
        channel_reference=payment.channel_reference,
        participant_id=payment.participant_id,
        amount=Rupiah(payment.amount),
        reason=reason,
        effective_at=payment.effective_at,
        number=payment.number,
    )
    return taken_back, unmatched


def is_paid(payer: Payer, bills: Iterable[Bill]) -> bool:
    """Whether one of these bills, or a month of theirs, is paid."""
    return any(bill.status is BillStatus.PAID or bill.contribution_months & payer.paid for bill in bills)


def _candidates(payer: Payer, quote: Quote | None, only: BillId | None) -> list[Bill]:
    """Newest first; the quoted bill alone when there is a quote, likewise the one bill that the money came for."""
    bills = sorted(payer.bills.values(), key=lambda bill: (bill.issued_at, bill.bill_id), reverse=True)
    named = {bill_id for bill_id in (quote and quote.bill_id, only) if bill_id is not None}
    return [bill for bill in bills if named <= {bill.bill_id}]


def _fits_the_spell(payer: Payer, bill: Bill, instant: datetime) -> bool:
    if bill.kind is not BillKind.STANDARD:
        # the first month is that of effective_at, so the bill is dead outside its month; a first payment can be made
        # once
        month = bill.months[0].month
        return ContributionMonth.of(instant) == month and not (bill.kind is BillKind.FIRST and payer.paid)
    if payer.closed and not bill.contribution_months <= {*payer.owed_after_the_end(instant)}:
        return False
    lapses_at = payer.lapses_at
    return lapses_at is None or instant < lapses_at


def _owes_nothing(payer: Payer, instant: datetime) -> bool:
    return bool(payer.paid) and not payer.months_owed(instant)
