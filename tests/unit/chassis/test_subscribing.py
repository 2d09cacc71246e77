"""How long a reader rests between polls."""

from __future__ import annotations

import pytest

from chassis.subscribing import LONGEST_REST_S, MANY, rest_after


@pytest.mark.parametrize(
    ("records", "worked_s", "rest_s"), [(1, 0.02, 0.04), (30, 0.1, 0.2), (MANY - 1, 3.0, LONGEST_REST_S)]
)
def test_who_found_little_rests_by_how_long_it_worked(records: int, worked_s: float, rest_s: float) -> None:
    assert rest_after(records, worked_s) == pytest.approx(rest_s)


def test_who_has_many_waiting_goes_on_at_once() -> None:
    assert rest_after(MANY, 3.0) == 0
