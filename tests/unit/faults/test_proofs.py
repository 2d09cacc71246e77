"""Tests of one cell are one result: what each saw adds up, and one that proves nothing spoils the whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.faults.evidence import Evidence
from tests.faults.proofs import merged, passed

SEED = 7


def saw(
    cell: str = "story.S8", *, outcome: str = "passed", test: str = "t.py::test_a", **changes: Any
) -> dict[str, Any]:
    """What one test wrote down."""
    good: dict[str, Any] = {
        "cell": cell, "fault": "S8", "service": "chassis", "tier": "test", "seed": SEED, "planned": 2, "happened": 2, "unit": "run",
        "invariants": [held("I2")], "counts": {}, "recovery_s": None, "budget_s": None, "test": test, "outcome": outcome,
        "seconds": 1.5, "error": None,
    }  # fmt: skip
    return good | changes


def held(id: str, *, checked: int = 10, violations: int = 0) -> dict[str, Any]:
    first = [{"where": "w", "key": str(n), "expected": "e", "actual": "a"} for n in range(min(violations, 5))]
    return {"id": id, "checked": checked, "violations": violations, "first": first}


def test_what_was_done_and_seen_adds_up() -> None:
    first = saw(counts={"kills": 1, "steps": 2}, invariants=[held("I10", checked=3), held("I2")])
    other = saw(test="t.py::test_b", planned=3, happened=3, counts={"kills": 4}, invariants=[held("I2", checked=5)])
    (one,) = merged([first, other], SEED)
    assert (one.cell, one.status, one.planned, one.fired, one.duration_s) == ("story.S8", "pass", 5, 5, 3.0)
    assert one.counts == {"kills": 5, "steps": 2}
    assert [(i["id"], i["checked"]) for i in one.invariants] == [("I2", 15), ("I10", 3)]


def test_cells_are_told_apart_and_in_order() -> None:
    found = merged([saw("story.S9"), saw("story.S1"), saw("story.S9")], SEED)
    assert [(one.cell, one.planned) for one in found] == [("story.S1", 2), ("story.S9", 4)]


def test_only_what_ended_well_with_whole_evidence_has_passed() -> None:
    outcomes = ("passed", "failed", "error")
    assert passed([saw(outcome=outcome, test=f"t.py::test_{outcome}") for outcome in outcomes]) == {"t.py::test_passed"}


@pytest.mark.parametrize("order", [1, -1])
def test_a_violation_in_one_test_fails_the_cell_whatever_the_others_saw(order: int) -> None:
    bad = saw(outcome="failed", error="AssertionError", invariants=[held("I2", violations=7)])
    (one,) = merged([bad, saw(test="t.py::test_b")][::order], SEED)
    assert one.status == "fail"
    (found,) = one.invariants
    assert (found["status"], found["violations"], found["checked"], len(found["first"])) == ("fail", 7, 20, 5)


def test_no_more_than_five_violations_are_named_however_many_tests_name_some() -> None:
    parts = [saw(outcome="failed", invariants=[held("I2", violations=4)]) for _ in range(3)]
    (one,) = merged(parts, SEED)
    assert one.invariants[0]["violations"] == 12 and len(one.invariants[0]["first"]) == 5


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"outcome": "error", "happened": 1, "error": "1 of 2 planned faults fired"}, "test_a: 1 of 2 planned"),
        ({"outcome": "failed", "error": "TimeoutError"}, "test_a: TimeoutError"),
        ({"outcome": "error", "invariants": [], "error": "no invariant was looked at"}, "test_a: no invariant"),
    ],
)
def test_one_that_proves_nothing_makes_the_cell_an_error(bad: dict[str, Any], why: str) -> None:
    (one,) = merged([saw(test="t.py::test_b"), saw(**bad)], SEED)
    assert one.status == "error" and (one.why or "").startswith(why)


def test_recovery_is_taken_from_the_test_that_measured_it() -> None:
    (one,) = merged([saw(recovery_s=7.0, budget_s=6.0), saw(test="t.py::test_b")], SEED)
    assert (one.recovery_s, one.budget_s, one.status) == (7.0, 6.0, "fail")


class TestEvidence:
    def test_file_of_one_test_is_what_the_runner_merges(self, tmp_path: Path) -> None:
        found = Evidence("story.S8", "S8", "chassis", "test", SEED)
        found.fired(3, of=3, unit="run")
        found.holds("I2", checked=9)
        found.count(kills=1)
        found.write(tmp_path, test="a/t.py::test_x[P4]", outcome="passed", seconds=2.0, error=None)
        (file,) = tmp_path.glob("*.json")
        (one,) = merged([json.loads(file.read_text())], SEED)
        assert (one.status, one.fired, one.unit, one.counts) == ("pass", 3, "run", {"kills": 1})

    def test_violation_and_a_look_at_nothing_fail_the_test_and_stand_written_down(self) -> None:
        found = Evidence("story.S8", "S8", "chassis", "test", SEED)
        with pytest.raises(AssertionError, match="looked at nothing"):
            found.holds("I6", checked=0)
        wrong = [{"where": "w", "key": str(n), "expected": "e", "actual": "a"} for n in range(7)]
        with pytest.raises(AssertionError, match="violated 7 times"):
            found.holds("I2", checked=9, violations=wrong)
        assert [(one.id, one.violations, len(one.first)) for one in found.invariants] == [("I6", 0, 0), ("I2", 7, 5)]

    @pytest.mark.parametrize(("fired", "of"), [(0, 0), (1, 2), (3, 2)])
    def test_is_incomplete_unless_what_was_planned_fired(self, fired: int, of: int) -> None:
        found = Evidence("story.S8", "S8", "chassis", "test", SEED)
        found.fired(fired, of=of, unit="run")
        found.holds("I2", checked=1)
        assert found.complete() == f"story.S8: {fired} of {of} planned faults fired"

    def test_is_incomplete_when_no_invariant_was_looked_at(self) -> None:
        found = Evidence("story.S8", "S8", "chassis", "test", SEED)
        found.fired(1, of=1, unit="run")
        assert found.complete() == "story.S8: no invariant was looked at"
