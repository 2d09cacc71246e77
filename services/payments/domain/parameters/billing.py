"""Kinds of billing: how many months one bill may hold, how far back a payment may lie, which month is the first, how long arrears may be paid."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator

from contracts.values import USUAL_GRACE_MONTHS
from services.payments.domain.parameters.kinds import Dated, Kind, Value, unsound

MOST_PREPAY_MONTHS = 24
"""However it is set; a bill stays readable."""
MOST_GRACE_MONTHS = 24
MOST_BACKDATE_DAYS = 30
"""However it is set; what ended longer ago is not even loaded."""


class PrepayMonths(Value):
    """How many contribution months one bill may hold on request, rising."""

    months: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MOST_PREPAY_MONTHS)], ...], Field(min_length=1, max_length=24)
    ]

    @field_validator("months")
    @classmethod
    def _rise(cls, months: tuple[int, ...]) -> tuple[int, ...]:
        if list(months) != sorted(set(months)):
            raise unsound("not_rising", id="Urutkan naik tanpa pengulangan.", en="List them rising, each once.")
        return months


class BackdateDays(Value):
    """A payment's `effective_at` lies at most so many days before its posting."""

    days: Annotated[int, Field(ge=0, le=MOST_BACKDATE_DAYS)]


class GraceMonths(Value):
    """So many contribution months after the last paid one may still be paid; then the participation has ended."""

    months: Annotated[int, Field(ge=1, le=MOST_GRACE_MONTHS)]


class FirstMonth(StrEnum):
    """Which month a first or reactivation payment begins with. The sources name no other."""

    MONTH_OF_PAYMENT = "MONTH_OF_PAYMENT"


class FirstMonthRule(Value):
    """The WIB month of the payment's `effective_at`: such a bill is dead outside its month."""

    rule: Annotated[FirstMonth, Field(strict=False)]


PREPAY_MONTHS = Kind(
    name="prepay_months",
    family="bpu-prepay-months",
    value=PrepayMonths,
    defaults=(
        Dated(
            "bpu-prepay-months/2021-04",
            date(2021, 4, 1),
            "Permenaker 5/2021 (likely)",
            PrepayMonths(months=(1, 2, 3, 6, 12)),
        ),
    ),
)
MAX_BACKDATE_DAYS = Kind(
    name="max_backdate_days",
    family="perisai-max-backdate",
    value=BackdateDays,
    defaults=(Dated("perisai-max-backdate/2022-07", date(2022, 7, 1), "our choice", BackdateDays(days=7)),),
)

GRACE_MONTHS = Kind(
    name="grace_months",
    family="bpu-grace",
    value=GraceMonths,
    defaults=(
        Dated(
            "bpu-grace/2022-07",
            date(2022, 7, 1),
            "Perdir 22/PERDIR.02/072022",
            GraceMonths(months=USUAL_GRACE_MONTHS),
        ),
    ),
)
"""Asked for the first day of a contribution month when it is billed, and fixed with it: what was paid keeps its grace (decision 113)."""
FIRST_MONTH_RULE = Kind(
    name="first_month_rule",
    family="bpu-first-month",
    value=FirstMonthRule,
    defaults=(
        Dated(
            "bpu-first-month/2022-07",
            date(2022, 7, 1),
            "our choice",
            FirstMonthRule(rule=FirstMonth.MONTH_OF_PAYMENT),
        ),
    ),
)

BILLING_RULES = "bpu-billing/2022-07"
"""Version of lapse, order of months and expiry (Perdir 22/PERDIR.02/072022; domain.md section 6)."""
