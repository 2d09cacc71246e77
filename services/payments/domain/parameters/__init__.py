"""Dated parameters (domain.md section 14): sets that two people of the central office approve, valid from a day, never edited.

`Sets.on(KIND, day)` says what holds; an event names the version it was decided under, so a replay needs no set at all.
"""

from services.payments.domain.parameters.billing import (
    BILLING_RULES,
    FIRST_MONTH_RULE,
    FIRST_PAYMENT_CHANNELS,
    GRACE_MONTHS,
    MAX_BACKDATE_DAYS,
    MOST_BACKDATE_DAYS,
    MOST_PREPAY_MONTHS,
    PREPAY_MONTHS,
    RETAIL_LIMITS,
    PaymentChannel,
    RetailLimits,
)
from services.payments.domain.parameters.contribution import (
    CONTRIBUTION,
    ContributionRules,
    Discount,
    DiscountTest,
    Row,
)
from services.payments.domain.parameters.kinds import Dated, Kind, Value
from services.payments.domain.parameters.registered import KINDS
from services.payments.domain.parameters.sets import DEFAULTS, Sets, day_of

__all__ = [
    "BILLING_RULES",
    "CONTRIBUTION",
    "DEFAULTS",
    "FIRST_MONTH_RULE",
    "FIRST_PAYMENT_CHANNELS",
    "GRACE_MONTHS",
    "KINDS",
    "MAX_BACKDATE_DAYS",
    "MOST_BACKDATE_DAYS",
    "MOST_PREPAY_MONTHS",
    "PREPAY_MONTHS",
    "RETAIL_LIMITS",
    "ContributionRules",
    "Dated",
    "Discount",
    "DiscountTest",
    "Kind",
    "PaymentChannel",
    "RetailLimits",
    "Row",
    "Sets",
    "Value",
    "day_of",
]
