from __future__ import annotations

from datetime import datetime

import pytest

from contracts.values import WIB
from services.notifications.domain.hours import is_quiet_at


@pytest.mark.parametrize(
    ("hour", "minute", "quiet"),
    [(0, 0, True), (6, 59, True), (7, 0, False), (12, 0, False), (20, 59, False), (21, 0, True), (23, 59, True)],
)
def test_timed_notices_rest_from_nine_in_the_evening_until_seven_wib(hour: int, minute: int, quiet: bool) -> None:
    assert is_quiet_at(datetime(2025, 11, 1, hour, minute, tzinfo=WIB)) is quiet
