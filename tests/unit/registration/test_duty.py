"""How long a person may wait for what was asked: 3 × 24 hours, counted in one place for erasures and copies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.duty import WARNED, asked_by, due_by, hours_left

ASKED = datetime(2025, 10, 6, 9, 30, tzinfo=UTC)


def test_three_times_24_hours_that_count_down_and_go_below_zero() -> None:
    assert due_by(ASKED) == datetime(2025, 10, 9, 9, 30, tzinfo=UTC)
    assert [hours_left(ASKED, ASKED + timedelta(hours=after)) for after in (0, 0.5, 72, 73)] == [72, 71, 0, -1]


@given(since=st.timedeltas(timedelta(), timedelta(days=30)), left=st.sampled_from([timedelta(), WARNED]))
def test_who_counts_requests_and_who_counts_hours_agree(since: timedelta, left: timedelta) -> None:
    now = ASKED + since
    assert (asked_by(now, left=left) >= ASKED) == (due_by(ASKED) <= now + left)


def test_before_the_law_nothing_is_promised() -> None:
    with pytest.raises(LookupError, match="perisai-duty"):
        due_by(datetime(2022, 10, 16, tzinfo=UTC))
