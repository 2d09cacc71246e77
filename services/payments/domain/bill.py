"""A bill fixes its months and its amount when it is issued; afterwards only its end changes.

Whether it can be paid is asked of an instant.

Every question is asked of the payment's `effective_at`, never of the moment it reached us (domain.md section 6).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from contracts.events.contributions import BillKind, MonthCharge
from contracts.values import BillId, ContributionMonth, FundingSource, PaymentId, Sector


class BillStatus(StrEnum):
    """OPEN may turn into any other; PAID into REVERSED; an ended bill into PAID by a payment made while it was open."""

    OPEN = "OPEN"
    PAID = "PAID"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"
    REVERSED = "REVERSED"


class Bill(NamedTuple):
    """`closed_at` is the business instant that ended it, None while OPEN.

    Instants are aware UTC, money whole rupiah.
    """

    bill_id: BillId
    kind: BillKind
    months: tuple[MonthCharge, ...]
    amount: int
    funding_source: FundingSource
    issued_at: datetime
    expires_at: datetime
    status: BillStatus = BillStatus.OPEN
    closed_at: datetime | None = None
    reason: str | None = None
    payment_id: PaymentId | None = None
    sector: Sector | None = None
    """That of the payer on the day of issue; None where it was not noted."""
    number: str | None = None
    """At which it alone is paid, once; None where nobody asked for one: then by the payer's contribution code only."""

    @property
    def ended_at(self) -> datetime:
        """The first instant at which it is no longer payable by itself."""
        return self.expires_at if self.closed_at is None else min(self.closed_at, self.expires_at)

    @property
    def credit(self) -> int:
        """How much of it is paid from the participant's credit."""
        return sum(charge.credit for charge in self.months)

    @property
    def contribution_months(self) -> frozenset[ContributionMonth]:
        return frozenset(charge.month for charge in self.months)
