"""What the doors of collective bills, balances and cash take and give; answers hold no personal data."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.http import Moment
from contracts.values import FundingSource
from services.payments.api.shapes import MonthShown
from services.payments.domain.collective import MOST_HEADS

Who = Annotated[str, StringConstraints(pattern=r"^[0-9a-f-]{1,36}$")]
"""A participant id or a contribution code."""
Months = Annotated[int, Field(strict=True, ge=1, le=12)]


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CollectiveWanted(_Asked):
    """`participants`: ids or contribution codes, each once. `months` from the oldest unpaid one on; without it all that is owed today."""

    participants: Annotated[tuple[Who, ...], Field(min_length=1, max_length=MOST_HEADS)]
    funding_source: FundingSource
    months: Months | None = None


class CancelWanted(_Asked):
    reason: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class CollectiveShown(BaseModel):
    """`shares_posted` of `heads` lines were dealt with after the payment; `shares_suspended` of those wait in suspense.

    Once the payment was taken back (`reversed_for`), `shares_reversed` of the posted lines were dealt with again; `shares_kept` of those stay, as
    their money was used or given back.
    """

    bill_id: UUID
    code: str
    funding_source: str
    heads: int
    amount: int
    status: str
    reason: str | None
    issued_at: datetime
    expires_at: datetime
    payment_id: UUID | None
    effective_at: datetime | None
    posted_at: datetime | None
    shares_posted: int
    shares_suspended: int
    reversed_at: datetime | None
    reversed_for: str | None
    shares_reversed: int
    shares_kept: int
    rules: str


class CollectivesShown(BaseModel):
    """Newest first; `next` continues, null at the end."""

    items: list[CollectiveShown]
    next: UUID | None


class CollectiveLineShown(BaseModel):
    """`void`: its months were paid elsewhere, or nothing more is taken of the participant; its share would go to suspense.

    `reversed`: it was taken back with the whole; `kept_for`: why it was not.
    """

    number: int
    participant_id: UUID
    contribution_code: str
    kind: str
    months: list[MonthShown]
    amount: int
    void: bool
    payment_id: UUID | None
    suspended_for: str | None
    reversed: bool
    kept_for: str | None


class CollectiveLinesShown(BaseModel):
    """In order; `next` continues, null at the end."""

    items: list[CollectiveLineShown]
    next: int | None


class ChargeWanted(_Asked):
    participant_id: UUID


class BalanceShown(BaseModel):
    """`code` takes deposits of any amount; `balance` in whole rupiah."""

    agent_id: UUID
    code: str
    balance: int


class BalanceLineShown(BaseModel):
    """`amount` above zero for a deposit, below it for a charge; `balance` after the line."""

    seq: int
    kind: str
    amount: int
    balance: int
    payment_id: UUID
    participant_id: UUID | None
    partner: str | None
    channel_reference: str | None
    effective_at: datetime


class BalanceStatementShown(BaseModel):
    """Oldest first; each `balance` is the one before it plus `amount`. `next` continues, null at the end."""

    agent_id: UUID
    lines: list[BalanceLineShown]
    next: int | None


class CashWanted(_Asked):
    """Cash for the participant's open bill; `received_at` is when it changed hands, now if it is left out."""

    participant_id: UUID
    received_at: Moment | None = None


class CashBackWanted(_Asked):
    """The note that was given back; `returned_at` is when the person had the cash again, now if it is left out."""

    participant_id: UUID
    bill_id: UUID
    returned_at: Moment | None = None


class CashLineShown(BaseModel):
    """`amount` above zero for cash that was RECEIVED, below it where it was RETURNED; `paid_in`: a payment cleared what was received."""

    line_id: UUID
    kind: str
    participant_id: UUID
    bill_id: UUID
    amount: int
    at: datetime
    paid_in: bool


class CashStatementShown(BaseModel):
    """Oldest first; `next` continues, null at the end."""

    agent_id: UUID
    lines: list[CashLineShown]
    next: UUID | None


class CashShown(BaseModel):
    """`age_hours`: whole hours since it changed hands, by business time."""

    bill_id: UUID
    participant_id: UUID
    agent_id: UUID
    amount: int
    received_at: datetime
    reported_at: datetime
    age_hours: int


class CashByAgentShown(BaseModel):
    """What an agent has in hand: how many bills, how much, and the age of the oldest in whole hours."""

    agent_id: UUID
    notes: int
    amount: int
    oldest_received_at: datetime
    age_hours: int
