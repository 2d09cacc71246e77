"""Which step a payout lacks, and since when it is late (domain.md section 7: on the Wadah's account by the 5th). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from contracts.events.incentives import PayoutHindrance
from contracts.values import WIB


def hindrance(*, ordered: bool, recorded: bool, verified: bool) -> PayoutHindrance:
    """Of a payout that is not confirmed. `recorded`, `verified`: whether the Wadah has such an account at its own branch, not retired.

    An order in force goes where it was given, whatever became of the account since.
    """
    if ordered:
        return PayoutHindrance.NOT_CONFIRMED
    if verified:
        return PayoutHindrance.NOT_ORDERED
    return PayoutHindrance.ACCOUNT_NOT_VERIFIED if recorded else PayoutHindrance.ACCOUNT_MISSING


def days_overdue(pay_by: datetime, now: datetime) -> int:
    """WIB calendar days since the last day: 1 on the day after it, 0 until then. `pay_by`: 24:00 WIB of the last day."""
    last = (pay_by - timedelta(microseconds=1)).astimezone(WIB).date()
    return max(0, (now.astimezone(WIB).date() - last).days)
