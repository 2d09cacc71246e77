"""The statement of an agent's month: its lines, what earlier months are corrected by, and what is carried from month to month.

A closed month is computed anew from today's ledger with its own set; the difference is a line of this run (domain.md section 7).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.event import Event
from contracts.events.incentives import (
    AcquiredLine,
    Adjustment,
    ContributionLine,
    Earnings,
    IncentiveClawedBack,
    IncentiveEarned,
    IncentiveStatementIssued,
)
from contracts.values import ContributionMonth, Rupiah
from services.payments.domain.incentives.dropping import NEVER, Without, of_agent
from services.payments.domain.incentives.earning import NO_EARNINGS, earnings
from services.payments.domain.incentives.lines import NOTHING, Lines, Paid, differences, lines_of
from services.payments.domain.incentives.workers import Worker
from services.payments.domain.parameters.incentives import IncentiveSet
from services.payments.domain.parameters.kinds import Dated

LINES_PER_EVENT = 500
"""About 80 kB: far below the largest event."""


@dataclass(frozen=True, slots=True)
class Before:
    """A closed month as it stands in the statements issued so far."""

    lines: Lines = NOTHING
    earned: Earnings = NO_EARNINGS


@dataclass(frozen=True, slots=True)
class Month:
    """One incentive month of one agent: its set, the payments that stand today, and what was credited for it before."""

    month: ContributionMonth
    rules: Dated[IncentiveSet]
    payments: Sequence[Paid]
    before: Before = Before()


@dataclass(frozen=True, slots=True)
class Carried:
    """From the agent's last statement: a balance of zero or below, and the months in a row without result."""

    balance: int = 0
    without: Without = NEVER


@dataclass(frozen=True, slots=True)
class Booking:
    """Lines that count for a month, or (`back`) no longer do."""

    month: ContributionMonth
    lines: Lines
    back: bool


def statement(
    worker: Worker,
    own: Month,
    earlier: Sequence[Month],
    carried: Carried,
    *,
    drop_months: int,
    closed_at: datetime,
) -> list[Event]:
    """The events of an agent's statement: its lines in bounded parts, then the statement itself. `earlier`: months to compute anew.

    `drop_months`: after how many months in a row without result an agent is dropped; `closed_at`: of the run.
    """
    lines, agreement = lines_in(worker, own, closed_at), worker.agreements.shown_in(own.month)
    earned = earnings(lines, own.rules.value)
    bookings, adjustments = [Booking(own.month, lines, back=False)], list[Adjustment]()
    for month in earlier:
        booked, adjustment = _adjust(worker, month, closed_at)
        bookings += booked
        adjustments += adjustment
    total = earned.agent + sum(a.after.agent - a.before.agent for a in adjustments) + carried.balance
    without = of_agent(worker, own.month, earned, carried.without, drop_months=drop_months, closed_at=closed_at)
    issued = IncentiveStatementIssued(
        agent_id=worker.agent_id,
        wadah_id=worker.agreements.wadah_id,
        month=own.month,
        scheme=agreement.scheme,
        earned=earned,
        adjustments=tuple(adjustments),
        carried_in=Rupiah(carried.balance),
        payable=Rupiah(max(total, 0)),
        carried_out=Rupiah(min(total, 0)),
        lines=sum(len(booking.lines) for booking in bookings),
        fingerprint=fingerprint(bookings),
        months_without=without.months,
        drop_months=drop_months,
        drop_due=without.due,
        agreement=agreement.agreement,
        without_agreement=worker.agreements.in_month(own.month) is None,
    )
    return [*_line_events(worker, own.month, bookings), issued]


def lines_in(worker: Worker, month: Month, seen_at: datetime) -> Lines:
    """What a month brings as it stands at `seen_at`. Nothing is earned in a month under no agreement: there is no set to pay by."""
    if worker.agreements.in_month(month.month) is None:
        return NOTHING
    return lines_of(worker, month.payments, month.rules.value, seen_at)


def _adjust(worker: Worker, month: Month, seen_at: datetime) -> tuple[list[Booking], list[Adjustment]]:
    """What a closed month is corrected by; nothing when it comes to the same.

    A threshold that was reached is kept, where the set says so, for as long as the month is under an agreement: under none the flat pay goes too.
    """
    rules, before = month.rules.value, month.before
    lines = lines_in(worker, month, seen_at)
    kept = before.earned.acquisition_pay > 0 and worker.agreements.in_month(month.month) is not None
    after = earnings(lines, rules, reached_before=kept)
    gone, new = differences(before.lines, lines)
    if not (gone or new or after != before.earned):
        return [], []
    bookings = [Booking(month.month, gone, back=True), Booking(month.month, new, back=False)]
    adjustment = Adjustment(
        month=month.month, rules=month.rules.version, before=before.earned, after=after, reason=_reason(gone, new)
    )
    return bookings, [adjustment]


def _reason(gone: Lines, new: Lines) -> str:
    if gone and new:
        return "lines_changed"
    return "lines_taken_back" if gone else "lines_added" if new else "amounts_changed"


def fingerprint(bookings: Iterable[Booking]) -> str:
    """SHA-256, hex, over every line in its order: what a printed statement is checked by."""
    digest = hashlib.sha256()
    for booking in bookings:
        sign = f"{booking.month}{'-' if booking.back else '+'}"
        for line in booking.lines.acquisitions:
            digest.update(f"{sign}{line.payment_id}{line.with_jht}\n".encode())
        for part in booking.lines.contributions:
            digest.update(f"{sign}{part.payment_id}{part.month}{part.k}/{part.bps}/{part.received}\n".encode())
    return digest.hexdigest()


def _line_events(worker: Worker, run: ContributionMonth, bookings: Iterable[Booking]) -> Iterator[Event]:
    number = 1
    for booking in bookings:
        for part in _parts(booking.lines):
            kind = IncentiveClawedBack if booking.back else IncentiveEarned
            yield kind(
                agent_id=worker.agent_id,
                run=run,
                month=booking.month,
                first_line=number,
                acquisitions=part.acquisitions,
                contributions=part.contributions,
            )
            number += len(part)


def _parts(lines: Lines) -> Iterator[Lines]:
    every: list[AcquiredLine | ContributionLine] = [*lines.acquisitions, *lines.contributions]
    for start in range(0, len(every), LINES_PER_EVENT):
        part = every[start : start + LINES_PER_EVENT]
        yield Lines(
            tuple(line for line in part if isinstance(line, AcquiredLine)),
            tuple(line for line in part if isinstance(line, ContributionLine)),
        )
