"""When and how much a partner may pay in, as was agreed with it (snap.md section 1). Pure.

Hours are WIB, judged for new money at its transaction time: what a bank took in time it may report later.
"""

from __future__ import annotations

from datetime import datetime

from contracts.events.partners import Conditions
from contracts.values import WIB
from services.payments.domain.parameters import RETAIL_LIMITS, PaymentChannel, Sets, day_of
from services.payments.domain.snap import codes


def closed_at(conditions: Conditions, at: datetime) -> codes.Case | None:
    """403xx06 outside the agreed hours. `opens` counts as open, `closes` as closed; equal ones are open all day."""
    now = at.astimezone(WIB).strftime("%H:%M")
    opens, closes = conditions.opens, conditions.closes
    over_midnight = opens >= closes
    is_open = opens <= now < closes if not over_midnight else opens == closes or now >= opens or now < closes
    return None if is_open else codes.NOT_AT_THIS_TIME


def channel_of(conditions: Conditions) -> PaymentChannel:
    """How money comes that is paid to one of our numbers through this partner."""
    return PaymentChannel.RETAIL if conditions.retail else PaymentChannel.BANK_VA


def not_at_shops(conditions: Conditions, amount: int, at: datetime, sets: Sets) -> codes.Case | None:
    """403xx02 for a sum that a chain of shops does not take on the WIB day of `at`; of any other partner nothing."""
    if not conditions.retail:
        return None
    limits = sets.on(RETAIL_LIMITS, day_of(at))
    if limits.hold(amount):
        return None
    return codes.BELOW_RETAIL if amount < limits.retail_min else codes.ABOVE_RETAIL


def too_often(conditions: Conditions, paid_today: int) -> codes.Case | None:
    """403xx04 when this number has had all the payments of the day."""
    most = conditions.most_payments_a_day
    return None if most is None or paid_today < most else codes.TOO_OFTEN


def too_much(conditions: Conditions, amount: int) -> codes.Case | None:
    """403xx02 for more than one deposit may hold."""
    most = conditions.most_per_deposit
    return None if most is None or amount <= most else codes.ABOVE_LIMIT
