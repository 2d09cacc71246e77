"""What the HTTP API takes and gives. Requests forbid unknown fields; answers hold no personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.payments.domain.parameters import MOST_PREPAY_MONTHS


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sentences(BaseModel):
    """The same in Bahasa Indonesia and in English."""

    id: str
    en: str


class BillWanted(_Asked):
    """`months`: how many contribution months from the oldest unpaid one on, which numbers are offered is a dated parameter.

    Left out: all that is owed up to the current month.
    """

    participant_id: UUID
    months: Annotated[int, Field(strict=True, ge=1, le=MOST_PREPAY_MONTHS)] | None = None


class BillShown(BaseModel):
    bill_id: UUID
    participant_id: UUID
    kind: str
    months: list[MonthShown]
    amount: int
    funding_source: str
    status: str
    reason: str | None
    issued_at: datetime
    expires_at: datetime
    payment_id: UUID | None
    rules: str
    number: str | None
    """At which it alone is paid, beside the contribution code; null where nobody asked for one."""


class MonthShown(BaseModel):
    month: str
    base: int
    jkk: int
    jkm: int
    jht: int
    discounted: bool
    credit: int = 0
    """How much of JKK and JKM is paid from carry-forward credit."""


class CreditedShown(BaseModel):
    month: str
    jkk: int
    jkm: int


class CreditShown(BaseModel):
    """`credit`: whole rupiah, `from_suspense` of them out of suspense; `credited`: paid months whose excess became credit."""

    participant_id: UUID
    credit: int
    from_suspense: int
    credited: list[CreditedShown]


class PaymentShown(BaseModel):
    """`bill_id` and `kind` are null where the money never settled a bill: it waits in suspense, or did."""

    payment_id: UUID
    participant_id: UUID
    bill_id: UUID | None
    kind: str | None
    partner: str
    channel: str
    channel_reference: str
    amount: int
    months: list[MonthShown]
    effective_at: datetime
    posted_at: datetime
    reversed_for: str | None
    number: str | None
    """The own number of a bill that it came to; null for any other."""


class TotalsShown(BaseModel):
    """`billed` and `paid` count participants; `contributions` is what stands as paid, whole rupiah: without money that was taken back, months
    that were given back, and what became credit."""

    participants: int
    billed: int
    paid: int
    contributions: int


class AccountShown(BaseModel):
    """`balance`: debit minus credit, whole rupiah."""

    account: str
    debit: int
    credit: int
    balance: int


class TrialBalanceShown(BaseModel):
    """`imbalance` is 0 or something is badly wrong; `contributions` and `suspense` as amounts that we hold."""

    accounts: list[AccountShown]
    debit: int
    credit: int
    imbalance: int
    contributions: int
    suspense: int


class TransferShown(BaseModel):
    event_id: UUID
    line: int
    debit: str
    credit: str
    amount: int
    payment_id: UUID | None
    participant_id: UUID | None
    month: str | None
    occurred_at: datetime
    balance: int


class StatementShown(BaseModel):
    """`opening` and each `balance` are debit minus credit; `next` continues the statement, null at its end."""

    account: str
    opening: int
    transfers: list[TransferShown]
    next: str | None


BillShown.model_rebuild()
PaymentShown.model_rebuild()
