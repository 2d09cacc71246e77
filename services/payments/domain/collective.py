"""One bill for many participants: one code, one amount, one funding source; paid in full or not at all (domain.md section 6).

The list is frozen when the bill is issued. Who pays it pays every line; each line then acts as a payment of its own, judged at the payment's
`effective_at`. A line whose months were paid elsewhere meanwhile is void, and its share of the money goes to suspense.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from contracts.event import Event
from contracts.events.contributions import ContributionBilled, PaymentUnmatched
from contracts.events.groups import (
    CollectiveBillCancelled,
    CollectiveBillExpired,
    CollectiveBillIssued,
    CollectiveBillPaid,
    CollectiveBillReversed,
    CollectiveLine,
    CollectiveLinesAdded,
    CollectiveSharesPosted,
    CollectiveSharesReversed,
    PostedShare,
)
from contracts.events.participants import RefusalReason
from contracts.values import BillId, ContributionMonth, FundingSource, PaymentId, ProposalId, Rupiah
from services.payments.domain.bill import Bill
from services.payments.domain.billing import CannotBill, issue
from services.payments.domain.parameters import Sets
from services.payments.domain.payer import Payer
from services.payments.domain.paying import CannotPay, Limits, Money, Posted, Quote, is_payable, post

MOST_HEADS = 10_000
"""Participants of one bill."""
MOST_LINES, MOST_CHARGES = 200, 1_200
"""Of one event: 1,200 month charges are some 120 kB, half of what an event may hold."""


class CollectiveStatus(StrEnum):
    """OPEN may turn into EXPIRED, CANCELLED or PAID; EXPIRED and CANCELLED into PAID by money that was taken before their end; PAID into
    REVERSED, the end: whoever wants to pay after all issues another bill."""

    OPEN = "OPEN"
    PAID = "PAID"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REVERSED = "REVERSED"


class NotPostable(StrEnum):
    """Why the share of a line goes to suspense."""

    PAID_ELSEWHERE = "month_paid_elsewhere"
    BLOCKED = "payer_blocked"
    CLOSED = "participation_closed"
    NO_LONGER_FITS = "line_no_longer_fits"
    """A first or reactivation line of another month, or arrears of a spell that has ended."""


class Collective(NamedTuple):
    """`closed_at` is the business instant that ended it, None while OPEN; `shares_posted` lines were dealt with, in the order of numbers.

    Once REVERSED for `reversed_for` by a proposal, `shares_reversed` of the posted ones were dealt with again, and `shares_kept` of those stay.
    """

    bill_id: BillId
    code: str
    funding_source: FundingSource
    heads: int
    amount: int
    issued_at: datetime
    expires_at: datetime
    status: CollectiveStatus = CollectiveStatus.OPEN
    closed_at: datetime | None = None
    reason: str | None = None
    paid: Posted | None = None
    shares_posted: int = 0
    shares_suspended: int = 0
    reversed_at: datetime | None = None
    reversed_for: str | None = None
    reversed_by: ProposalId | None = None
    shares_reversed: int = 0
    shares_kept: int = 0

    @property
    def ended_at(self) -> datetime:
        """The first instant at which it is no longer payable by itself."""
        return self.expires_at if self.closed_at is None else min(self.closed_at, self.expires_at)


class Wish(NamedTuple):
    """One head: a payer, and how many months from the oldest unpaid one on (None: all owed up to the current one)."""

    payer: Payer
    months: int | None
    share_bill_id: BillId


def line_of(
    wish: Wish, number: int, funding_source: FundingSource, now: datetime, sets: Sets
) -> tuple[CollectiveLine, str] | CannotBill:
    """The line of one head with the version of the rules that priced it, or why there is none.

    Whether a month is discounted is judged by who pays this bill (PP 50/2025), not by who usually pays for the person; and the person's
    own credit waits for a bill of his own.
    """
    payer = wish.payer._replace(funding_source=funding_source, credit=0)
    if payer.closed:
        return CannotBill.CLOSED
    outcome = issue(payer, now=now, bill_id=wish.share_bill_id, sets=sets, months=wish.months)
    if isinstance(outcome, CannotBill):
        return outcome
    billed, rules = outcome
    line = CollectiveLine(
        number=number,
        participant_id=payer.participant_id,
        share_bill_id=wish.share_bill_id,
        kind=billed.kind,
        months=billed.months,
    )
    return line, rules.version


def issue_collective(
    lines: Sequence[CollectiveLine], *, bill_id: BillId, code: str, funding_source: FundingSource, now: datetime
) -> Iterator[Event]:
    """The bill and its list. It expires as bills do, at 24:00 WIB of the last day of the month of issue."""
    yield CollectiveBillIssued(
        bill_id=bill_id,
        code=code,
        funding_source=funding_source,
        heads=len(lines),
        amount=Rupiah(sum(line.amount for line in lines)),
        expires_at=ContributionMonth.of(now).ends_at,
    )
    for chunk in _chunks(lines):
        yield CollectiveLinesAdded(bill_id=bill_id, lines=tuple(chunk))


def _chunks(lines: Iterable[CollectiveLine]) -> Iterator[list[CollectiveLine]]:
    chunk: list[CollectiveLine] = []
    charges = 0
    for line in lines:
        if chunk and (len(chunk) == MOST_LINES or charges + len(line.months) > MOST_CHARGES):
            yield chunk
            chunk, charges = [], 0
        chunk.append(line)
        charges += len(line.months)
    if chunk:
        yield chunk


def issued(event: CollectiveBillIssued, at: datetime) -> Collective:
    """The bill as it was issued at business instant `at`."""
    return Collective(
        bill_id=event.bill_id,
        code=event.code,
        funding_source=event.funding_source,
        heads=event.heads,
        amount=event.amount,
        issued_at=at,
        expires_at=event.expires_at,
    )


def evolve(bill: Collective, event: Event, at: datetime) -> Collective:
    """The bill after one further event of its stream, recorded at business instant `at`."""
    match event:
        case CollectiveBillExpired():
            return bill._replace(status=CollectiveStatus.EXPIRED, closed_at=at)
        case CollectiveBillCancelled():
            return bill._replace(status=CollectiveStatus.CANCELLED, closed_at=at, reason=event.reason)
        case CollectiveBillPaid():
            return bill._replace(status=CollectiveStatus.PAID, closed_at=at, reason=None, paid=posted(event))
        case CollectiveSharesPosted():
            suspended = sum(share.suspended_for is not None for share in event.shares)
            return bill._replace(
                shares_posted=bill.shares_posted + len(event.shares),
                shares_suspended=bill.shares_suspended + suspended,
            )
        case CollectiveBillReversed():
            return bill._replace(
                status=CollectiveStatus.REVERSED,
                reversed_at=at,
                reversed_for=event.reason,
                reversed_by=event.proposal_id,
            )
        case CollectiveSharesReversed():
            kept = sum(share.kept_for is not None for share in event.shares)
            return bill._replace(
                shares_reversed=bill.shares_reversed + len(event.shares), shares_kept=bill.shares_kept + kept
            )
    return bill


def posted(event: CollectiveBillPaid) -> Posted:
    """The payment of the whole as it stands in the books; it is of no one participant and no month."""
    return Posted(
        payment_id=event.payment_id,
        bill_id=event.bill_id,
        participant_id=None,
        partner=event.partner,
        channel=event.channel,
        channel_reference=event.channel_reference,
        amount=event.amount,
        months=(),
        effective_at=event.effective_at,
        posted_at=event.posted_at,
    )


def is_open(bill: Collective, instant: datetime, quote: Quote | None, limits: Limits) -> bool:
    """Whether it could be paid at `instant`. A quote outlives a cancellation for as long as it holds, never the end of the month."""
    if bill.status in (CollectiveStatus.PAID, CollectiveStatus.REVERSED) or instant >= bill.expires_at:
        return False
    if instant < bill.ended_at:
        return True
    return quote is not None and quote.at <= bill.ended_at and instant <= quote.at + limits.quote_validity


def cannot_pay_whole(
    bill: Collective, money: Money, quote: Quote | None, limits: Limits, *, void: bool
) -> CannotPay | None:
    """Why this money does not pay this bill; None when it does, in full. `void`: all of its lines are, so it would pay for nobody."""
    if money.effective_at < money.received_at - limits.max_backdate:
        return CannotPay.TOO_OLD
    if bill.status is CollectiveStatus.PAID:
        return CannotPay.PAID
    if not is_open(bill, money.effective_at, quote, limits):
        return CannotPay.EXPIRED
    if void:
        return CannotPay.VOID
    return None if money.amount == bill.amount else CannotPay.WRONG_AMOUNT


def pay_whole(bill: Collective, money: Money, *, payment_id: PaymentId, now: datetime) -> CollectiveBillPaid:
    return CollectiveBillPaid(
        bill_id=bill.bill_id,
        payment_id=payment_id,
        partner=money.partner,
        channel=money.channel,
        channel_reference=money.channel_reference,
        amount=Rupiah(bill.amount),
        effective_at=money.effective_at,
        posted_at=now,
    )


def end_collective(bill: Collective, now: datetime, reason: str) -> Event | None:
    """Ends an open bill: as expired when its time is over, else for this reason; None when it is ended already."""
    if bill.status is not CollectiveStatus.OPEN:
        return None
    if now >= bill.expires_at:
        return CollectiveBillExpired(bill_id=bill.bill_id)
    return CollectiveBillCancelled(bill_id=bill.bill_id, reason=reason)


def expire_collective(bill: Collective, now: datetime) -> Event | None:
    """Marks an open bill as expired, if its end has come."""
    due = bill.status is CollectiveStatus.OPEN and now >= bill.expires_at
    return CollectiveBillExpired(bill_id=bill.bill_id) if due else None


class Share(NamedTuple):
    """What one line becomes: events of the participant, or money in suspense under a key of its own."""

    events: Sequence[Event]
    unmatched: PaymentUnmatched | None
    noted: PostedShare


def share_of(
    bill: Collective, line: CollectiveLine, payer: Payer | None, *, payment_id: PaymentId, now: datetime
) -> Share:
    """The share of one line of a paid bill."""
    assert bill.paid is not None
    money = _money(bill.paid, line, now)
    share_bill = _share_bill(bill, line, money.effective_at)
    reason = _not_postable(payer, share_bill, money.effective_at)
    noted = PostedShare(number=line.number, payment_id=payment_id, suspended_for=reason)
    if reason is not None or payer is None:
        return Share((), _suspended(bill, line, money, payment_id, noted.suspended_for or ""), noted)
    paid, *ended = post(payer, share_bill, money, payment_id=payment_id, now=now)
    whole = paid.model_copy(update={"share_of": bill.bill_id})
    return Share((_billed(bill, payer, share_bill), whole, *ended), None, noted)


def reference_of_share(payment_id: PaymentId, number: int) -> str:
    """What stands for a share beside the channel's own reference of the whole; no bank can send it by chance."""
    return f"share:{payment_id}:{number}"


def _money(paid: Posted, line: CollectiveLine, now: datetime) -> Money:
    return Money(
        partner=paid.partner,
        channel=paid.channel,
        channel_reference=reference_of_share(paid.payment_id, line.number),
        amount=line.amount,
        effective_at=paid.effective_at,
        received_at=now,
    )


def _share_bill(bill: Collective, line: CollectiveLine, effective_at: datetime) -> Bill:
    """The participant's bill of this line; that the whole was paid in time is decided already."""
    return Bill(
        bill_id=line.share_bill_id,
        kind=line.kind,
        months=line.months,
        amount=line.amount,
        funding_source=bill.funding_source,
        issued_at=bill.issued_at,
        expires_at=max(bill.expires_at, effective_at + timedelta(microseconds=1)),
    )


def _not_postable(payer: Payer | None, share: Bill, effective_at: datetime) -> NotPostable | None:
    if payer is None:
        return NotPostable.NO_LONGER_FITS
    if payer.blocked:
        closed = payer.blocked == RefusalReason.PARTICIPANT_CLOSED
        return NotPostable.CLOSED if closed else NotPostable.BLOCKED
    if share.contribution_months & payer.paid:
        return NotPostable.PAID_ELSEWHERE
    return None if is_payable(payer, share, effective_at, None, Limits()) else NotPostable.NO_LONGER_FITS


def _billed(bill: Collective, payer: Payer, share: Bill) -> ContributionBilled:
    return ContributionBilled(
        bill_id=share.bill_id,
        participant_id=payer.participant_id,
        contribution_code=payer.contribution_code,
        kind=share.kind,
        months=share.months,
        amount=Rupiah(share.amount),
        funding_source=share.funding_source,
        expires_at=share.expires_at,
        share_of=bill.bill_id,
        sector=payer.sector,
    )


def _suspended(
    bill: Collective, line: CollectiveLine, money: Money, payment_id: PaymentId, reason: str
) -> PaymentUnmatched:
    return PaymentUnmatched(
        payment_id=payment_id,
        bill_id=None,
        partner=money.partner,
        channel=money.channel,
        channel_reference=money.channel_reference,
        participant_id=line.participant_id,
        amount=Rupiah(line.amount),
        reason=reason,
        effective_at=money.effective_at,
        share_of=bill.bill_id,
    )
