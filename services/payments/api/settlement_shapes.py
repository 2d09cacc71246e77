"""What the doors of settlement take and give."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.http import Day
from contracts.events.reconciliation import SettlementLayout
from contracts.values import Amount, Code
from services.payments.api.partner_shapes import PartnerName
from services.payments.api.shapes import Sentences

Evidence = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9/._-]{0,63}$")]
"""The number of an account line, a letter or a ticket: no free text, which could name a person."""

PartnerReference = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,128}$")]
"""The partner's number of a payment, as its file or call would have it."""
Positive = Annotated[Amount, Field(ge=1)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LayoutWanted(_Asked):
    """How files of this partner are read from the business day `valid_from` on."""

    partner: PartnerName
    valid_from: Day
    layout: SettlementLayout


class CreditWanted(_Asked):
    """`amount`: whole rupiah that stand on our account, after the partner kept its fees. A line of nothing is none."""

    amount: Positive
    evidence: Evidence


class CorrectionWanted(_Asked):
    """`amount`: what the account line `evidence` is of; 0 where it is none of this day's."""

    evidence: Evidence
    amount: Amount
    reason: Code


class BookingWanted(_Asked):
    """`amount`: whole rupiah that the line has above our books and that came on the account line `evidence`.

    `reference`: the partner's number of the payment, of a line that cannot be read; never for any other.
    """

    amount: Positive
    reason: Code
    evidence: Evidence
    reference: PartnerReference | None = None


class StatusWanted(_Asked):
    """What the partner said of the payment."""

    answer: Literal["paid", "not_paid", "not_known"]


class CloseWanted(_Asked):
    outcome: Code
    evidence: Evidence | None = None


class LayoutShown(BaseModel):
    partner: str
    valid_from: date
    layout: SettlementLayout
    agreed_at: datetime


class LayoutsShown(BaseModel):
    items: list[LayoutShown]


class TotalShown(BaseModel):
    """Whole rupiah, as the partner has them; of `missing_at_bank` as we have them."""

    outcome: str
    lines: int
    amount: int
    fees: int


class HindranceShown(BaseModel):
    """`file_id`: the file whose step failed. `since`: when it failed first; `again_at`: when it is tried next, by itself."""

    file_id: UUID
    reason: str
    since: datetime
    attempts: int
    again_at: datetime
    what_to_do: Sentences


class FileShown(BaseModel):
    """`lines_done` of `lines` have their outcome; `RECONCILED` once all have, and what the partner lacks is known.

    `STOPPED`: its last step failed. `BEHIND`: that of an earlier file of its partner did, and files of one partner are worked off in their order.
    """

    file_id: UUID
    partner: str
    day: date
    sha256: str
    status: Literal["WORKING", "STOPPED", "BEHIND", "RECONCILED"]
    lines: int
    lines_done: int
    amount: int
    fees: int
    outcomes: list[TotalShown]
    received_at: datetime
    reconciled_at: datetime | None
    hindrance: HindranceShown | None


class FilesShown(BaseModel):
    """`before` continues with older ones; null at the end."""

    items: list[FileShown]
    before: UUID | None


class LineShown(BaseModel):
    line: int
    outcome: str
    reference: str | None
    payment_id: UUID | None
    amount: int | None
    fee: int | None
    paid_at: datetime | None
    amount_here: int | None
    reason: str | None
    first_file: UUID | None
    first_line: int | None


class LinesShown(BaseModel):
    """`after` continues; null at the end of what was worked off."""

    items: list[LineShown]
    after: int | None


class CreditShown(BaseModel):
    evidence: str
    amount: int


class CorrectionShown(BaseModel):
    """Waits for another person than `proposed_by`."""

    proposal_id: UUID
    evidence: str
    amount: int
    reason: str
    proposed_by: str


class DifferenceShown(BaseModel):
    """Money of a line that two people booked to suspense as `payment_id`. Whole rupiah; of lines of files that were replaced, too."""

    case_id: UUID
    file_id: UUID
    line: int
    kind: str
    payment_id: UUID
    amount: int
    fees: int
    evidence: str


class DayShown(BaseModel):
    """`gap`: what is still to come (or, below zero, came too much). SETTLED: no rupiah and no fee is open.

    `expected` holds what was booked from lines of `file_id`.
    """

    partner: str
    day: date
    file_id: UUID | None
    status: Literal["OPEN", "SETTLED"]
    expected: int
    fees: int
    received: int
    gap: int
    open_cases: int
    credits: list[CreditShown]
    corrections: list[CorrectionShown]
    differences: list[DifferenceShown]


class BookingShown(BaseModel):
    """Waits for another person than `proposed_by`."""

    proposal_id: UUID
    amount: int
    reason: str
    evidence: str
    reference: str | None
    proposed_by: str


class CaseShown(BaseModel):
    """`age_days`: whole days since it was opened; `outcome` is null while it is open."""

    case_id: UUID
    kind: str
    partner: str
    day: date
    owner: str
    file_id: UUID | None
    line: int | None
    reference: str | None
    payment_id: UUID | None
    amount_here: int | None
    amount_there: int | None
    reason: str | None
    opened_at: datetime
    age_days: int
    status_told: str | None
    outcome: str | None
    evidence: str | None
    closed_at: datetime | None
    booking: BookingShown | None


class CasesShown(BaseModel):
    """`after` continues; null at the end."""

    items: list[CaseShown]
    after: UUID | None
