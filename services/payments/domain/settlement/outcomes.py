"""What becomes of a line that a partner lists: compared with what stands in our books under the same receipt (snap.md section 11).

Order of the questions: was it listed before; is it booked; if not, it is booked now. Nothing booked is ever changed by a file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from contracts.events.reconciliation import LineOutcome, ReconciledLine
from contracts.values import CaseId, PaymentId, Rupiah, SettlementFileId
from services.payments.domain.settlement.lines import Listed, Unreadable

RECONCILIATION_RULES = "reconciliation/2025-01"
"""Outcomes of lines and what follows from each (snap.md section 11; domain.md section 6)."""

OWNER = "central"
"""Who settles cases until a person took one: files are of partners, not of branches."""

OPENS_A_CASE = frozenset({LineOutcome.AMOUNT_DIFFERS, LineOutcome.DUPLICATE, LineOutcome.UNREADABLE})
"""A line that is `missing_here` opens none: either it pays its bill, or it waits in suspense, which has a queue of its own."""

OWED = (LineOutcome.MATCHED, LineOutcome.MISSING_HERE)
"""The lines whose money the partner owes us for the day."""


class CaseOutcome(StrEnum):
    """How a difference ends by itself; a person may end it with any other word."""

    FOUND_IN_FILE = "found_in_file"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What stands in our books under a partner's reference."""

    reference: str
    payment_id: PaymentId
    amount: int
    voided: bool = False
    """It was taken back, because the partner did not have it."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A line that listed a receipt."""

    file_id: SettlementFileId
    day: date
    line: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """An open case about a payment that the partner had not listed yet."""

    case_id: CaseId
    day: date


def first_listing(found: Iterable[Listing], file_id: SettlementFileId, day: date) -> Listing | None:
    """Of the listings of one receipt, oldest first, the one that makes a line of this file a duplicate.

    Another file of the same day is one that this file replaces, and does not count.
    """
    return next((one for one in found if one.file_id == file_id or one.day != day), None)


def unreadable(line: Unreadable) -> ReconciledLine:
    return ReconciledLine(
        line=line.line,
        outcome=LineOutcome.UNREADABLE,
        amount=None if line.amount is None else Rupiah(line.amount),
        fee=None if line.fee is None else Rupiah(line.fee),
        reason=line.reason,
    )


def compare(line: Listed, receipt: Receipt | None, listing: Listing | None) -> ReconciledLine | None:
    """The outcome of a line; None when its money is not in our books yet and has to be booked.

    `listing`: where the receipt was listed before.
    """
    if listing is not None:
        return outcome(line, LineOutcome.DUPLICATE, receipt, listing=listing)
    if receipt is None or receipt.voided:
        return None
    if receipt.amount != line.amount:
        return outcome(line, LineOutcome.AMOUNT_DIFFERS, receipt, amount_here=receipt.amount)
    return outcome(line, LineOutcome.MATCHED, receipt)


def reference_of(line: Listed) -> str:
    """The channel reference of money that is booked from this line."""
    reference = line.reference or line.own_reference
    assert reference is not None, "a line without either is unreadable"
    return reference


def outcome(
    line: Listed,
    kind: LineOutcome,
    receipt: Receipt | None,
    *,
    reason: str | None = None,
    amount_here: int | None = None,
    listing: Listing | None = None,
) -> ReconciledLine:
    """The line with what became of it; `amount_here` where ours is another."""
    return ReconciledLine(
        line=line.line,
        outcome=kind,
        reference=receipt.reference if receipt else reference_of(line),
        payment_id=receipt.payment_id if receipt else None,
        amount=Rupiah(line.amount),
        fee=Rupiah(line.fee),
        paid_at=line.paid_at,
        amount_here=None if amount_here is None else Rupiah(amount_here),
        reason=reason,
        first_file=listing.file_id if listing else None,
        first_line=listing.line if listing else None,
        unnamed=line.reference is None,
    )
