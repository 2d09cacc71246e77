"""Kinds of billing: how many months one bill may hold, how far back a payment may lie, which month is the first, how long arrears may be paid,
through which channels a first payment comes, what a chain of shops takes.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

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


class PaymentChannel(StrEnum):
    """Kanal pembayaran: how a payer's money comes."""

    BANK_VA = "BANK_VA"
    RETAIL = "RETAIL"
    """The same number, paid at a chain of shops (a partner that is agreed to be one)."""
    QRIS = "QRIS"
    AGENT_BALANCE = "AGENT_BALANCE"


class FirstPaymentChannels(Value):
    """Through which the first payment of a participant whom an agent registered is taken."""

    channels: Annotated[
        tuple[Annotated[PaymentChannel, Field(strict=False)], ...], Field(min_length=1, max_length=len(PaymentChannel))
    ]

    @field_validator("channels")
    @classmethod
    def _differ(cls, channels: tuple[PaymentChannel, ...]) -> tuple[PaymentChannel, ...]:
        if len({*channels}) < len(channels):
            raise unsound("not_unique", id="Tulis setiap kanal sekali saja.", en="List each channel once.")
        return channels


class RetailLimits(Value):
    """A chain of shops takes payments of `retail_min` up to and including `retail_max` whole rupiah."""

    retail_min: Annotated[int, Field(ge=0, lt=10**12)]
    retail_max: Annotated[int, Field(ge=1, lt=10**12)]

    @model_validator(mode="after")
    def _hold_something(self) -> Self:
        if self.retail_max < self.retail_min:
            raise unsound(
                "limits_empty",
                id="Batas atas tidak boleh lebih kecil daripada batas bawah.",
                en="The upper limit must not be below the lower one.",
            )
        return self

    def hold(self, amount: int) -> bool:
        """Whether a shop takes this sum."""
        return self.retail_min <= amount <= self.retail_max


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
FIRST_PAYMENT_CHANNELS = Kind(
    name="first_payment_channels",
    family="bpu-first-payment",
    value=FirstPaymentChannels,
    defaults=(
        Dated(
            "bpu-first-payment/2017-11",
            date(2017, 11, 1),
            "FAQ 2023 (through the agent's balance); that all are accepted is our choice",
            FirstPaymentChannels(channels=tuple(PaymentChannel)),
        ),
    ),
)
"""Asked for the WIB day of the payment's `effective_at`, or of the request where nothing was paid yet."""
RETAIL_LIMITS = Kind(
    name="retail_limits",
    family="bpu-retail",
    value=RetailLimits,
    defaults=(
        Dated(
            "bpu-retail/2017-11",
            date(2017, 11, 1),
            "terms of retail aggregators (likely)",
            RetailLimits(retail_min=10_000, retail_max=5_000_000),
        ),
    ),
)
"""Asked as the channels are; `retail_min` and `retail_max` of domain.md section 14 in one set, as one bounds the other."""

BILLING_RULES = "bpu-billing/2022-07"
"""Version of lapse, order of months and expiry (Perdir 22/PERDIR.02/072022; domain.md section 6)."""
