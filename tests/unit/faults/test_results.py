"""When a system is called recovered, and what a cell came to: a fault that did not fire or a look at nothing is never a pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.results import Fault, Result, recovered_after, recovery
from tests.faults.watch import AWAY, Sample

ENDED = 100.0
WELL, NOT_READY, UNPUBLISHED, BEHIND = (True, 0.2, 3.0), (False, 0.0, 0.0), (True, 1.5, 0.0), (True, 0.0, 61.0)


def after(*samples: tuple[float, tuple[bool, float, float]], per_s: float = 60.0) -> float | None:
    """Recovery by samples at so many seconds since the end of the fault."""
    taken: list[Sample] = [(ENDED + at, *looked) for at, looked in samples]
    return recovered_after(recovery(taken, ended_at=ENDED, budget_s=6, per_s=per_s))


def test_recovered_is_the_first_moment_from_which_it_stays_well() -> None:
    assert after((0.25, NOT_READY), (0.5, WELL), (0.75, BEHIND), (1.0, WELL), (1.25, WELL)) == 1.0


@pytest.mark.parametrize("ill", [NOT_READY, UNPUBLISHED, BEHIND])
def test_each_of_ready_published_and_caught_up_is_needed(ill: tuple[bool, float, float]) -> None:
    assert after((0.5, ill)) is None
    assert after((0.5, WELL), (0.75, ill)) is None
    assert after((0.5, ill), (0.75, WELL)) == 0.75


def test_how_it_looked_before_the_end_of_the_fault_counts_for_nothing() -> None:
    assert after((-1.0, WELL), (-0.5, WELL), (0.5, NOT_READY), (2.0, WELL)) == 2.0
    assert after((-1.0, WELL)) is None, "nobody looked after it"


def test_a_second_of_load_may_be_on_its_way_and_never_less_than_one_record() -> None:
    assert after((1.0, (True, 1.0, 60.0)), per_s=60) == 1.0
    assert after((1.0, (True, 1.0, 1.0)), per_s=0.1) == 1.0
    assert after((1.0, (True, 1.0, 2.0)), per_s=0.1) is None


def test_what_could_not_be_had_is_never_well_and_fits_into_json() -> None:
    told = recovery([(ENDED + 1, True, float("inf"), float("inf"))], ended_at=ENDED, budget_s=6, per_s=60)
    assert told["samples"] == [[1.0, 1, AWAY, AWAY]] and recovered_after(told) is None


@given(st.lists(st.sampled_from([WELL, NOT_READY, UNPUBLISHED, BEHIND]), max_size=30))
def test_it_is_the_begin_of_the_last_run_of_good_samples(looked: list[tuple[bool, float, float]]) -> None:
    last = len(looked)
    while last and looked[last - 1] == WELL:
        last -= 1
    assert after(*enumerate(looked)) == (last if last < len(looked) else None)


def held(id: str = "I2", *, status: str = "pass", checked: int = 10, violations: int = 0) -> dict[str, Any]:
    return {"id": id, "status": status, "checked": checked, "violations": violations, "first": []}


def result(**changes: Any) -> Result:
    """A cell that passes, but for what is changed."""
    good: dict[str, Any] = {"planned": 1, "fired": 1, "invariants": [held()], "recovery_s": 4.0, "budget_s": 6.0}
    return Result("crash.P4.kill", "payments", "payments-0", Fault("P4", "kill", "process"), 7, **good | changes)


FAILED = held(status="fail", violations=2)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "pass"),
        ({"recovery_s": None, "budget_s": None}, "pass"),
        ({"recovery_s": 6.0}, "pass"),
        ({"recovery_s": 6.01}, "fail"),
        ({"invariants": [held(), FAILED]}, "fail"),
        ({"invariants": [FAILED], "fired": 0, "error": "a run that broke"}, "fail"),
        ({"fired": 0}, "error"),
        ({"planned": 0, "fired": 0}, "error"),
        ({"planned": 2}, "error"),
        ({"invariants": []}, "error"),
        ({"invariants": [held(), held("I6", checked=0)]}, "error"),
        ({"invariants": [held(), held("I6", status="not_run")]}, "error"),
        ({"error": "the checker could not look"}, "error"),
        ({"absent": "not built yet"}, "absent"),
    ],
)
def test_cell_passes_only_when_everything_was_done_and_seen(changes: dict[str, Any], status: str) -> None:
    assert result(**changes).status == status


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"fired": 0}, "0 of 1 planned faults fired"),
        ({"invariants": []}, "no invariant was checked"),
        ({"invariants": [held("I6", checked=0)]}, "nothing was checked for I6"),
        ({"error": "the checker could not look", "fired": 0}, "the checker could not look"),
        ({"invariants": [FAILED]}, None),
        ({}, None),
    ],
)
def test_an_error_says_why_and_nothing_else_does(changes: dict[str, Any], why: str | None) -> None:
    assert result(**changes).why == why


def test_replay_command_names_cell_and_seed_and_what_else_was_asked() -> None:
    assert result().replay == "make faults CELL=crash.P4.kill SEED=7"
    asked = {"TIER": "long", "BROKERS": 3}
    assert result(replay_with=asked).replay == "make faults CELL=crash.P4.kill SEED=7 TIER=long BROKERS=3"
