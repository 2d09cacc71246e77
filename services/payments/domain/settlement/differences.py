"""Money that a partner lists, that truly came, and that the books lack: how much of it two people may book to suspense, and once only. Pure.

What was booked is a receipt like any other: a later file of the day lists it, or it becomes a case `missing_at_bank` (decision 146).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from contracts.events.reconciliation import LineOutcome
from contracts.values import CaseId, ParticipantId, PaymentId, SettlementFileId
from services.payments.domain.settlement.outcomes import Receipt

BOOKED = "booked_to_suspense"
"""How the case ends."""

OWN_REFERENCE = "difference:"
"""How the channel reference of such money begins where its line names another receipt; its own id follows, which no partner can know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disputed:
    """A case with its line. Whole rupiah; `amount` and `fee` are the partner's, None where the line cannot be read that far.

    `participant_id`: whose receipt the line names. `last_file`: the day's newest file, `day_file` the one reconciled last. `first_file`: where
    a duplicate stands first, `first_day_file` the one of that day that was reconciled last. `receipt_here`: what stands under the line's receipt
    now, 0 where it was voided.
    """

    case_id: CaseId
    kind: str
    partner: str
    day: date
    file_id: SettlementFileId | None
    line: int | None
    reference: str | None
    amount: int | None
    amount_here: int | None
    fee: int | None
    paid_at: datetime | None
    participant_id: ParticipantId | None
    last_file: SettlementFileId | None
    day_file: SettlementFileId | None
    first_file: SettlementFileId | None
    first_day_file: SettlementFileId | None
    receipt_here: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Money that was booked from a line. `channel_reference` is its own, `reference` that of the line."""

    payment_id: PaymentId
    kind: str
    day: date
    line: int
    reference: str | None
    channel_reference: str
    amount: int
    amount_here: int | None
    fees: int


@dataclass(frozen=True, slots=True)
class Bookable:
    """`amount` goes to suspense; the day is owed `expected` more, after `fees`."""

    amount: int
    expected: int
    fees: int

    @property
    def came(self) -> int:
        """The least that came of it on its account line: the partner keeps its fees."""
        return max(self.amount - self.fees, 0)


class CannotBook(StrEnum):
    NOT_OFFERED = "difference_not_bookable"
    """The case is about no line, or the partner lists no more than the books have."""
    FILE_REPLACED = "settlement_file_replaced"
    NOT_RECONCILED = "settlement_not_reconciled"
    FIRST_REPLACED = "first_listing_replaced"
    """The line is the only one that lists its payment now, though it came as a duplicate (decision 129)."""
    BOOKS_CHANGED = "books_changed"
    """The receipt was voided when the line was compared, and came after all."""
    OTHER_AMOUNT = "difference_of_another_amount"
    REFERENCE = "difference_reference"
    """Of a line that cannot be read somebody has to say what the partner calls the payment; every other line says so."""
    CREDIT_UNKNOWN = "credit_unknown"
    CREDIT_TOO_SMALL = "credit_too_small"
    RECEIPT_KNOWN = "receipt_known"


def own_reference(payment_id: PaymentId) -> str:
    return f"{OWN_REFERENCE}{payment_id}"


def bookable(
    found: Disputed,
    *,
    amount: int,
    reference: str | None,
    evidence: str,
    credits: Mapping[str, int],
    carried: Mapping[str, int],
) -> Bookable | CannotBook:
    """What comes of booking `amount`; `credits` are the account lines that were noted of the day, `carried` what of each is booked already.

    Only cases of the day's last file: those of an earlier one are its business no more, and their lines come again.
    """
    unreadable = found.kind == LineOutcome.UNREADABLE
    if found.file_id is None or found.kind not in _KINDS:
        return CannotBook.NOT_OFFERED
    if found.last_file != found.file_id:
        return CannotBook.FILE_REPLACED
    if found.day_file != found.file_id:
        return CannotBook.NOT_RECONCILED
    if found.first_file != found.first_day_file:
        return CannotBook.FIRST_REPLACED
    told = found.amount or None
    here = (found.amount_here or 0) if found.kind == LineOutcome.AMOUNT_DIFFERS else 0
    if found.kind == LineOutcome.AMOUNT_DIFFERS and found.receipt_here > here:
        return CannotBook.BOOKS_CHANGED
    if told is not None and told <= here:
        return CannotBook.NOT_OFFERED
    if told is not None and amount != told - here:
        return CannotBook.OTHER_AMOUNT
    if unreadable != (reference is not None):
        return CannotBook.REFERENCE
    if not credits.get(evidence):
        return CannotBook.CREDIT_UNKNOWN
    fee = found.fee or 0
    fees = fee if fee <= here + amount else 0
    booking = Bookable(amount, here + amount - fees, fees)
    if carried.get(evidence, 0) + booking.came > credits[evidence]:
        return CannotBook.CREDIT_TOO_SMALL
    return booking


_KINDS = (LineOutcome.AMOUNT_DIFFERS, LineOutcome.DUPLICATE, LineOutcome.UNREADABLE)


def raised_by(booked: Iterable[Difference], amount: int) -> list[Difference]:
    """What was booked above a receipt and is listed by a line of this amount: one that comes to less lists the receipt alone."""
    return [one for one in booked if one.kind == LineOutcome.AMOUNT_DIFFERS and amount > (one.amount_here or 0)]


def raised(receipt: Receipt | None, booked: Iterable[Difference], amount: int) -> Receipt | None:
    """The receipt with all that stands in the books of such a line; of one that was voided that is what was booked above it."""
    more = sum(one.amount for one in raised_by(booked, amount))
    if receipt is None or not more:
        return receipt
    return replace(receipt, amount=more if receipt.voided else receipt.amount + more, voided=False)
