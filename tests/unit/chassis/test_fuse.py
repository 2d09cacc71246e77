"""When a consumer stops rather than park or dead-letter a day."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.fuse import Fuse, FuseBlown

verdicts = st.lists(st.booleans(), max_size=200)


def blows_at(fuse: Fuse, found: list[bool]) -> int | None:
    """The number of verdicts after which it blew."""
    for number, failed in enumerate(found, start=1):
        try:
            fuse.record(failed=failed)
        except FuseBlown:
            return number
    return None


def reckoned(found: list[bool], *, in_a_row: int, window: int, ratio: float, enough: int) -> int | None:
    """The same by the definition, looking at the whole past each time."""
    for number in range(1, len(found) + 1):
        past, recent = found[:number], found[:number][-window:]
        if number >= in_a_row and all(past[-in_a_row:]):
            return number
        if len(recent) >= enough and sum(recent) > ratio * len(recent):
            return number
    return None


@given(verdicts, st.integers(1, 8), st.integers(1, 60), st.floats(0, 1), st.integers(1, 60))
def test_it_blows_just_when_the_definition_says(
    found: list[bool], in_a_row: int, window: int, ratio: float, enough: int
) -> None:
    fuse = Fuse(in_a_row=in_a_row, window=window, ratio=ratio, enough=enough)
    assert blows_at(fuse, found) == reckoned(found, in_a_row=in_a_row, window=window, ratio=ratio, enough=enough)


@given(verdicts, verdicts)
def test_looking_ahead_sees_what_comes_and_changes_nothing(past: list[bool], ahead: list[bool]) -> None:
    seen, plain = (Fuse(in_a_row=5, window=40, ratio=0.2, enough=20) for _ in range(2))
    if blows_at(seen, past) is not None or blows_at(plain, past) is not None:
        return
    expected = blows_at(plain, ahead) is not None
    for _ in range(2):
        try:
            seen.foresee(ahead)
            foreseen = False
        except FuseBlown:
            foreseen = True
        assert foreseen == expected


def test_as_it_is_set_a_good_day_with_some_failures_goes_on() -> None:
    assert blows_at(Fuse(), [n % 25 == 0 for n in range(10_000)]) is None


@pytest.mark.parametrize(("found", "at"), [([True] * 30, 20), ([n % 10 == 0 for n in range(1_000)], 400)])
def test_as_it_is_set_a_bad_deploy_stops(found: list[bool], at: int) -> None:
    assert blows_at(Fuse(), found) == at
