"""Days after the 5th are WIB days; of a payout's steps the first that is missing is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.events.incentives import PayoutHindrance as H
from contracts.values import WIB
from services.payments.domain.incentives.payouts import days_overdue, hindrance

PAY_BY = datetime(2025, 11, 6, tzinfo=WIB)


@pytest.mark.parametrize(
    ("now", "days"),
    [
        (datetime(2025, 11, 3, 8, tzinfo=WIB), 0),
        (datetime(2025, 11, 5, 23, 59, tzinfo=WIB), 0),
        (datetime(2025, 11, 6, tzinfo=WIB), 1),
        (datetime(2025, 11, 6, 16, 59, tzinfo=UTC), 1),  # 23:59 in Jakarta
        (datetime(2025, 11, 6, 17, tzinfo=UTC), 2),
        (datetime(2025, 12, 5, 12, tzinfo=WIB), 30),
    ],
)
def test_days_are_those_of_jakarta(now: datetime, days: int) -> None:
    assert days_overdue(PAY_BY.astimezone(UTC), now) == days


@pytest.mark.parametrize(
    ("ordered", "recorded", "verified", "step"),
    [
        (False, False, False, H.ACCOUNT_MISSING),
        (False, True, False, H.ACCOUNT_NOT_VERIFIED),
        (False, True, True, H.NOT_ORDERED),
        (True, True, True, H.NOT_CONFIRMED),
        (True, False, False, H.NOT_CONFIRMED),  # its account was retired since; the order stands
    ],
)
def test_the_first_step_that_is_missing_is_named(ordered: bool, recorded: bool, verified: bool, step: H) -> None:
    assert hindrance(ordered=ordered, recorded=recorded, verified=verified) is step
