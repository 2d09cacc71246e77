"""Topic `contributions`: settlement files of partners, what became of their lines, cases, and QR codes (snap.md sections 10 and 11)."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from contracts.event import Event, Part
from contracts.values import (
    Amount,
    BillId,
    CaseId,
    Code,
    Count,
    Instant,
    LongText,
    ParticipantId,
    PaymentId,
    ProposalId,
    SettlementFileId,
    ShortText,
)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Separator = Annotated[str, StringConstraints(pattern=r"^[,;|\t]$")]
Mark = Annotated[str, StringConstraints(max_length=10)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class Encoding(StrEnum):
    UTF_8 = "utf-8"
    WINDOWS_1252 = "cp1252"


class DecimalMark(StrEnum):
    POINT = "."
    COMMA = ","


class ThousandsMark(StrEnum):
    NONE = ""
    POINT = "."
    COMMA = ","
    BLANK = " "


class LineColumn(StrEnum):
    """What a column of a payment line holds. `MARK` says what kind of line it is; `IGNORED` is the partner's own business."""

    MARK = "mark"
    PARTNER = "partner"
    DAY = "day"
    VIRTUAL_ACCOUNT = "virtual_account"
    REFERENCE = "reference"
    REFERENCE_NO = "reference_no"
    AMOUNT = "amount"
    FEE = "fee"
    PAID_AT = "paid_at"
    IGNORED = "ignored"


class EdgeColumn(StrEnum):
    """What a column of the header or trailer holds: `COUNT` of payment lines, sums of their `AMOUNT` and `FEE`."""

    MARK = "mark"
    PARTNER = "partner"
    DAY = "day"
    COUNT = "count"
    AMOUNT = "amount"
    FEE = "fee"
    IGNORED = "ignored"


class SettlementLayout(Part):
    """How a partner writes its daily file: CSV, one payment per line. What a partner does differently is a field here, never code.

    `titles`, where given, must stand in a line of their own before the payments. Marks are the first words by which lines are told
    apart; without marks the header is the first line and the trailer the last. Patterns are those of strptime; `iso` is ISO 8601.
    Times without an offset are in `time_zone`; the partner's day ends there at `cut_off` (00:00: with the calendar day).
    """

    partner_code: ShortText
    """What the file calls the partner."""
    columns: tuple[LineColumn, ...]
    header: tuple[EdgeColumn, ...] = ()
    titles: tuple[ShortText, ...] = ()
    trailer: tuple[EdgeColumn, ...] = ()
    header_mark: Mark = ""
    line_mark: Mark = ""
    trailer_mark: Mark = ""
    encoding: Encoding = Encoding.UTF_8
    separator: Separator = ","
    day_pattern: Pattern = "iso"
    time_pattern: Pattern = "iso"
    decimal_mark: DecimalMark = DecimalMark.POINT
    thousands_mark: ThousandsMark = ThousandsMark.NONE
    time_zone: ShortText = "Asia/Jakarta"
    cut_off: ClockTime = "00:00"


class SettlementLayoutAgreed(Event, stream="partners"):
    """From the business day `valid_from` on this partner's files are read so."""

    partner: ShortText
    valid_from: date
    layout: SettlementLayout


class LineOutcome(StrEnum):
    """What became of a line (domain.md section 0, `reconciliation`); MISSING_AT_BANK has no line: it is a payment of ours."""

    MATCHED = "matched"
    MISSING_HERE = "missing_here"
    MISSING_AT_BANK = "missing_at_bank"
    AMOUNT_DIFFERS = "amount_differs"
    DUPLICATE = "duplicate"
    UNREADABLE = "unreadable"


class SettlementFileReceived(Event, stream="reconciliation"):
    """A file of this partner and day was accepted: whole, of the right partner and day, and its control totals agree.

    Key of the stream: partner and day. `sha256` is that of the bytes; `lines`, `amount` and `fees` are counted from them.
    """

    file_id: SettlementFileId
    partner: ShortText
    day: date
    sha256: Sha256
    parts: Count
    lines: Count
    amount: Amount
    fees: Amount
    layout: SettlementLayout | None = None
    """What it was found readable by, and is read by to its end, whatever is agreed meanwhile; null in files of before it was noted."""


class ReconciledLine(Part):
    """`line` is the number in the file, from 1. `reference` is the channel reference under which the money stands with us.

    `amount` and `fee` are the partner's, `amount_here` is ours where it differs. `reason` says more: why money went to suspense, what
    could not be read, where the first of two lines stands.
    """

    line: Count
    outcome: LineOutcome
    reference: ShortText | None = None
    payment_id: PaymentId | None = None
    amount: Amount | None = None
    fee: Amount | None = None
    paid_at: Instant | None = None
    amount_here: Amount | None = None
    reason: Code | None = None
    first_file: SettlementFileId | None = None
    first_line: Count | None = None
    unnamed: bool = False
    """The line gave no paymentRequestId: money booked from it stands under the partner's own number."""


class SettlementLinesReconciled(Event, stream="reconciliation"):
    """Every line of one part of a file has its outcome; parts follow each other from 0."""

    file_id: SettlementFileId
    partner: ShortText
    day: date
    part: Count
    lines: tuple[ReconciledLine, ...]


class OutcomeTotal(Part):
    outcome: LineOutcome
    lines: Count
    amount: Amount
    fees: Amount


class SettlementFileReconciled(Event, stream="reconciliation"):
    """Every line has its outcome, and every payment of the day that the partner does not list has its case.

    `expected`: the sum of `matched` and `missing_here` minus their fees, which is what the partner owes us for this day.
    """

    file_id: SettlementFileId
    partner: ShortText
    day: date
    outcomes: tuple[OutcomeTotal, ...]
    expected: Amount
    fees: Amount


class SettlementReceived(Event, stream="reconciliation"):
    """The partner's money for a day stands in our bank account: `amount`, after it kept `fees`. `evidence` names the account line.

    Together with earlier ones of that day it may come to more or less than `expected`: the day then stays open.
    """

    partner: ShortText
    day: date
    amount: Amount
    fees: Amount
    evidence: ShortText


class SettlementFeesCorrected(Event, stream="reconciliation"):
    """Of a day of which money came, the partner keeps `fees`, as its file now says, and not `fees_before`, which stand in the ledger."""

    partner: ShortText
    day: date
    fees: Amount
    fees_before: Amount


class CreditCorrectionProposed(Event, stream="reconciliation"):
    """A person says that the account line `evidence` of a partner's day is of `amount`, and not what was noted; 0: there is no such line."""

    proposal_id: ProposalId
    partner: ShortText
    day: date
    evidence: ShortText
    amount: Amount
    reason: Code
    proposed_by: ShortText


class CreditCorrected(Event, stream="reconciliation"):
    """Another person agrees: the line is of `amount`, where `amount_before` stood in the books."""

    proposal_id: ProposalId
    partner: ShortText
    day: date
    evidence: ShortText
    amount: Amount
    amount_before: Amount
    approved_by: ShortText


class CreditCorrectionDropped(Event, stream="reconciliation"):
    """Nothing comes of it: its maker took it back, or another person refused it."""

    proposal_id: ProposalId
    partner: ShortText
    day: date
    dropped_by: ShortText


class CaseOpened(Event, stream="reconciliation"):
    """A difference that a person must settle; the case is the key of its events.

    `kind` is a line's outcome, `credit_gap`, `paid_after_close`, `refunded_at_channel` or `notice_amount_differs`; `owner` is who must act: a
    role until a person took it.
    """

    case_id: CaseId
    kind: Code
    partner: ShortText
    day: date
    owner: ShortText
    file_id: SettlementFileId | None = None
    line: Count | None = None
    reference: ShortText | None = None
    payment_id: PaymentId | None = None
    amount_here: Amount | None = None
    amount_there: Amount | None = None
    reason: Code | None = None


class CaseAssigned(Event, stream="reconciliation"):
    case_id: CaseId
    partner: ShortText
    day: date
    owner: ShortText


class CaseStatusTold(Event, stream="reconciliation"):
    """The partner was asked for the status of the payment, and answered: `paid`, `not_paid` or `not_known`."""

    case_id: CaseId
    partner: ShortText
    day: date
    answer: Code


class CaseClosed(Event, stream="reconciliation"):
    """`outcome` says how the difference ended, e.g. `found_in_file`, `voided`, `booked_to_suspense`, `accepted`.

    `evidence`: the number of a letter or ticket, never text about a person.
    """

    case_id: CaseId
    partner: ShortText
    day: date
    outcome: Code
    evidence: ShortText | None = None


class DifferenceProposed(Event, stream="reconciliation"):
    """A person says that money of a case about a line, which the books lack, truly came: `amount` of it, on the account line `evidence`.

    Key: the case. `reference`: what the partner calls the payment, of a line that cannot be read; null where the line says so itself.
    """

    case_id: CaseId
    proposal_id: ProposalId
    partner: ShortText
    day: date
    amount: Amount
    reason: Code
    evidence: ShortText
    reference: ShortText | None
    proposed_by: ShortText


class DifferenceDropped(Event, stream="reconciliation"):
    """Nothing comes of it: its maker took it back, or another person refused it. Key: the case."""

    case_id: CaseId
    proposal_id: ProposalId
    partner: ShortText
    day: date
    dropped_by: ShortText


class DifferenceBooked(Event, stream="reconciliation"):
    """Another person agreed: `amount` stands in suspense as the receipt `payment_id`, by a `PaymentUnmatched` of the same transaction.

    Key: the partner's day, which is owed `expected` more, after `fees`, as long as `file_id` is its file. `reference` is that of the line,
    `channel_reference` that of the money in suspense; `amount_here` is what stood in the books of a line whose amount differs.
    """

    case_id: CaseId
    proposal_id: ProposalId
    partner: ShortText
    day: date
    file_id: SettlementFileId
    line: Count
    kind: LineOutcome
    reference: ShortText | None
    payment_id: PaymentId
    channel_reference: ShortText
    amount: Amount
    amount_here: Amount | None
    expected: Amount
    fees: Amount
    evidence: ShortText
    approved_by: ShortText


class QrRequested(Event, stream="qr-codes"):
    """A bill is to have a QR code of this acquirer; key: the bill, which has one at most. `reference` is our partnerReferenceNo."""

    bill_id: BillId
    participant_id: ParticipantId
    partner: ShortText
    reference: ShortText
    amount: Amount
    expires_at: Instant


class QrIssued(Event, stream="qr-codes"):
    """The acquirer made it. `content` is what is drawn; `acquirer_reference` its own number of the code."""

    bill_id: BillId
    acquirer_reference: ShortText
    content: LongText


class QrNotIssued(Event, stream="qr-codes"):
    """The acquirer refused to make it, with its response code."""

    bill_id: BillId
    response_code: ShortText


class QrPaid(Event, stream="qr-codes"):
    """The acquirer says it took money for the code; what became of the money stands under its receipt. `late`: after the code was closed."""

    bill_id: BillId
    acquirer_reference: ShortText
    amount: Amount
    late: bool


class QrClosed(Event, stream="qr-codes"):
    """No payment through this code is expected any more. `reason`: `cancelled`, `failed`, `expired` or `refunded`."""

    bill_id: BillId
    reason: Code


EVENTS: tuple[type[Event], ...] = (
    SettlementLayoutAgreed,
    SettlementFileReceived,
    SettlementLinesReconciled,
    SettlementFileReconciled,
    SettlementReceived,
    SettlementFeesCorrected,
    CreditCorrectionProposed,
    CreditCorrected,
    CreditCorrectionDropped,
    CaseOpened,
    CaseAssigned,
    CaseStatusTold,
    CaseClosed,
    DifferenceProposed,
    DifferenceDropped,
    DifferenceBooked,
    QrRequested,
    QrIssued,
    QrNotIssued,
    QrPaid,
    QrClosed,
)
