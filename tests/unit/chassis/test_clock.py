"""Two clocks that are never mixed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chassis.clock import Clock, SystemClock
from tests.support.clock import START, FakeClock


@pytest.mark.parametrize("clock", [SystemClock(), FakeClock()], ids=["system", "fake"])
def test_both_clocks_are_aware_utc(clock: Clock) -> None:
    assert clock.business().tzinfo is UTC
    assert clock.wall().tzinfo is UTC


def test_offset_moves_business_time_alone() -> None:
    clock = SystemClock(timedelta(days=-400))
    assert clock.wall() - clock.business() >= timedelta(days=400) - timedelta(seconds=1)
    assert abs(clock.wall() - datetime.now(UTC)) < timedelta(seconds=5)


class TestFake:
    def test_stands_still(self) -> None:
        clock = FakeClock()
        assert clock.business() == clock.business() == START

    def test_moves_both_or_one(self) -> None:
        clock = FakeClock()
        clock.move(timedelta(hours=1))
        clock.move_wall(timedelta(hours=1))
        clock.set(START + timedelta(days=1))
        assert clock.business() == START + timedelta(days=1)
        assert clock.wall() == START + timedelta(hours=2)

    def test_refuses_a_time_without_zone(self) -> None:
        with pytest.raises(ValueError, match="aware"):
            FakeClock().set(datetime(2025, 1, 1))  # noqa: DTZ001
