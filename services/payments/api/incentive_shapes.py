"""What the incentive pages take and give: participant numbers, never a NIK."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from chassis.http import names_nobody
from contracts.events.incentives import PayoutHindrance
from services.payments.api.shapes import Sentences
from services.payments.domain.incentives.heads import NoHeadPay

MONTH = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
Month = Annotated[str, StringConstraints(pattern=MONTH)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(names_nobody)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DisputeWanted(_Asked):
    """`line`: its number in the statement; 0 for what is missing in it."""

    agent_id: UUID
    month: Month
    line: Annotated[int, Field(strict=True, ge=0, lt=2**31)]
    reason: Literal["not_mine", "missing_payment", "missing_acquisition", "wrong_amount", "wrong_manager", "other"]
    note: Note


class AnswerWanted(_Asked):
    upheld: Annotated[bool, Field(strict=True)]
    note: Note


class RunShown(BaseModel):
    """`agents_awaiting`: how many statements are still to come; null once the run is complete."""

    month: str
    closed_at: datetime
    statements_at: datetime
    orders_at: datetime
    pay_by: datetime
    completed_at: datetime | None
    agents_done: int
    wadah_done: int
    lines_done: int
    agents_awaiting: int | None
    payout: int | None


class StatementLine(BaseModel):
    """An agent's statement as a list shows it, whole rupiah: payable + carried_out = agent + adjusted + carried_in.

    `drop_due`: `months_without` reached `drop_months`, and the agent was at work.
    """

    agent_id: UUID
    code: str
    wadah_id: UUID
    month: str
    scheme: str
    acquisitions: int
    received: int
    acquisition_pay: int
    contribution_pay: int
    agent: int
    carved: int
    adjusted: int
    carried_in: int
    payable: int
    carried_out: int
    lines: int
    months_without: int
    drop_months: int
    drop_due: bool
    issued_at: datetime


class StatementsShown(BaseModel):
    """`next` continues the list; null at its end."""

    items: list[StatementLine]
    next: str | None


class AdjustmentShown(BaseModel):
    """An earlier month computed anew: the agent's own `before` and after (`agent`), with what is after for its acquisitions."""

    month: str
    before: int
    agent: int
    acquisitions: int
    acquisition_pay: int
    received: int
    rules: str
    reason: str | None


class StatementShown(StatementLine):
    """`fingerprint`: SHA-256 over the lines, as printed on the document. The month stands under the Wadah's `agreement`-th, of that number.

    `without_agreement`: none was in force in the month, so nothing is earned in it; the last one before is named. `agreement_ends`: its last
    day. If that is over when the month closes and no other follows, months after it that were paid for in advance are not in `received`.
    """

    wadah: str
    agreement_number: str
    agreement: int
    agreement_ends: date
    without_agreement: bool
    rules: str
    fingerprint: str
    event_id: UUID
    adjustments: list[AdjustmentShown]


class LineShown(BaseModel):
    """`sign` −1: a line of an earlier run that no longer counts. An acquisition has `with_jht` and what the head brings, a contribution the rest.

    `per_head`: rupiah by the set that the month was decided under; `pay`: what of it this line brought, 0 with its `pay_reason`. A correction
    that crosses the threshold changes every head of its month: that sum is in the adjustment. OLD: before the Wadah's part is carved out.
    """

    line: int
    month: str
    sign: int
    payment_id: UUID
    participant_id: UUID
    participant_number: str | None
    with_jht: bool | None
    per_head: int | None
    pay: int | None
    pay_reason: NoHeadPay | None
    contribution_month: str | None
    k: int | None
    bps: int | None
    received: int | None


class LinesShown(BaseModel):
    items: list[LineShown]
    next: int | None


class TracedEvent(BaseModel):
    """One event that a line comes from, as it stands in the log."""

    event_id: UUID
    stream: str
    type: str
    version: int
    rules: str
    occurred_at: datetime
    payment_id: UUID | None


class ShareAdjustmentShown(BaseModel):
    month: str
    before: int
    share: int


class WadahStatementLine(BaseModel):
    """A Wadah's statement, whole rupiah: gross = agents_payable + share_payable, payout = gross − tax.

    It names its agreement as those of its agents do. `acquisitions` stand beside `monthly_target` (null: none was agreed); `end_due`:
    `months_below` reached `drop_months` (NEW). `paid_on`: the day of the transfer (WIB) by the bank's own statement; `paid_at`: its first moment.
    """

    wadah_id: UUID
    wadah: str
    agreement_number: str
    agreement: int
    agreement_ends: date
    without_agreement: bool
    month: str
    scheme: str
    rules: str
    agents: int
    acquisitions: int
    monthly_target: int | None
    months_below: int
    drop_months: int
    end_due: bool
    received: int
    agents_payable: int
    share: int
    adjusted: int
    carried_in: int
    share_payable: int
    carried_out: int
    gross: int
    tax_bps: int
    tax: int
    payout: int
    order_from: datetime
    pay_by: datetime
    issued_at: datetime
    order_id: UUID | None
    paid_at: datetime | None
    paid_on: date | None


class PayoutWaiting(BaseModel):
    """A payout that nothing confirms yet. `overdue`: the last day (`pay_by` is its end) is over, `days_overdue` WIB days ago.

    `told_at`: when `IncentivePayoutOverdue` said so; it is told once.
    """

    wadah_id: UUID
    wadah: str
    agreement_number: str
    month: str
    payout: int
    order_from: datetime
    pay_by: datetime
    order_id: UUID | None
    overdue: bool
    days_overdue: int
    told_at: datetime | None
    hindrance: PayoutHindrance
    what_to_do: Sentences


class PayoutsWaiting(BaseModel):
    """`next` continues the list; null at its end."""

    items: list[PayoutWaiting]
    next: str | None


class WadahStatementShown(WadahStatementLine):
    event_id: UUID
    adjustments: list[ShareAdjustmentShown]
    of_agents: list[StatementLine]


class MonthOfAgent(BaseModel):
    """What counts for the drop rules: `months_without` in a row; the warning after one and two, due at `drop_months` (the third, usually)."""

    month: str
    scheme: str
    acquisitions: int
    received: int
    months_without: int
    drop_months: int
    warning: Literal["FIRST", "SECOND", "DROP_DUE"] | None


class ActivityShown(BaseModel):
    agent_id: UUID
    months: list[MonthOfAgent]


class DisputeShown(BaseModel):
    """What people wrote (`note`, `answer`) is empty two years later. `month` is the statement's, as it was asked with; `run` says the same."""

    dispute_id: UUID
    agent_id: UUID
    wadah_id: UUID
    month: str
    run: str
    line: int
    reason: str
    note: str
    raised_by: str
    raised_at: datetime
    upheld: bool | None
    answer: str | None
    answered_by: str | None
    answered_at: datetime | None
