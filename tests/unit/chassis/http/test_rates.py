"""One caller's rate: two seconds of it at once, then as much as was agreed, and nobody else feels it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.http.rates import BURST_S, MOST_CALLERS, Rates
from chassis.problems import OVERLOADED, Refusal


class Time:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def test_two_seconds_in_hand_then_the_rate() -> None:
    time = Time()
    rates = Rates(8, now=time)
    assert sum(rates.admits("agent-1") for _ in range(100)) == 17
    assert rates.admits("agent-2"), "another caller has a rate of his own"
    time.s += 0.125
    assert [rates.admits("agent-1") for _ in range(2)] == [True, False]
    time.s += 60
    assert sum(rates.admits("agent-1") for _ in range(100)) == 17, "what was not used is not saved up"


def test_a_refusal_names_what_to_do() -> None:
    rates = Rates(0.1, now=Time())
    rates.admit("agent-1")
    with pytest.raises(Refusal) as refused:
        rates.admit("agent-1")
    assert refused.value.rejected.problem is OVERLOADED


def test_no_rate_is_no_limit() -> None:
    rates = Rates(0, now=Time())
    assert all(rates.admits("agent-1") for _ in range(10_000))


def test_memory_is_bounded_and_the_busy_are_remembered() -> None:
    rates = Rates(1, now=Time())
    while rates.admits("busy"):
        pass
    for number in range(2 * MOST_CALLERS):
        rates.admits(f"caller-{number}")
        if number % 1_000 == 0:
            assert not rates.admits("busy")


@given(gaps=st.lists(st.floats(0, 3), max_size=200), per_s=st.integers(1, 20))
def test_no_pattern_of_calls_gets_more(gaps: list[float], per_s: int) -> None:
    time = Time()
    rates, admitted = Rates(per_s, now=time), 0
    for gap in gaps:
        time.s += gap
        admitted += rates.admits("agent-1")
        assert admitted <= (time.s + BURST_S) * per_s + 1 + 1e-6
