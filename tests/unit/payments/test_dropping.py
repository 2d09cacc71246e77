"""Which months below the target count: those that the agreement covers from their first day to their last (domain.md section 2)."""

from __future__ import annotations

from datetime import date

import pytest

from contracts.values import ContributionMonth
from services.payments.domain.incentives.dropping import NEVER, of_wadah
from tests.unit.payments.test_incentive_lines import agreement


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        pytest.param(date(2025, 10, 1), date(2026, 9, 30), [1, 2, 3], id="from the 1st: a full month"),
        pytest.param(date(2025, 10, 2), date(2026, 10, 1), [0, 1, 2], id="from the 2nd: its first month is none"),
        pytest.param(date(2025, 1, 1), date(2025, 12, 31), [1, 2, 3], id="through the last day of a month"),
        pytest.param(date(2025, 1, 1), date(2025, 12, 30), [1, 2, 0], id="a day short of it"),
    ],
)
def test_months_below_the_target_are_full_ones(first: date, last: date, months: list[int]) -> None:
    wadah, below, found = agreement(term_from=first, term_to=last, monthly_target=5), NEVER, []
    for month in (ContributionMonth(2025, 10 + n) for n in range(3)):
        below = of_wadah(wadah, month, 4, below, drop_months=3, closed_at=month.ends_at)
        found.append(below.months)
    assert found == months
