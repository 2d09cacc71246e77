"""The report is valid against its schema whatever a run came to, and the exit code tells the verdict: 0, 1 or 2, never another."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from deploy.local.places import PROJECT
from tests.faults import terminal
from tests.faults.broken.run import Found
from tests.faults.report import SCHEMA, Run
from tests.faults.results import Result
from tests.unit.faults.test_results import FAILED, held, result

CAUGHT = Found("X1", ("I2",), ("I2",), 4.14).as_json()
MISSED = Found("X2", ("I2",), (), 60.0, "not caught: its check passed").as_json()
PASSES, FAILS, ERRS = result(), result(invariants=[held(), FAILED]), result(fired=0)
LATE, ABSENT = result(recovery_s=9.0), result(absent="not built yet", planned=0, fired=0, invariants=[])


def run(*results: Result, broken: list[dict[str, Any]] | None = None) -> Run:
    return Run("test", 7, results=[*results], broken=broken or [])


@pytest.mark.parametrize(
    ("results", "broken", "verdict", "code"),
    [
        ([PASSES], [], "pass", 0),
        ([PASSES, ABSENT], [CAUGHT], "pass", 0),
        ([], [CAUGHT], "pass", 0),
        ([PASSES, FAILS], [], "fail", 1),
        ([PASSES, LATE], [], "fail", 1),
        ([PASSES], [CAUGHT, MISSED], "fail", 1),
        ([PASSES, ERRS], [CAUGHT], "error", 2),
        ([ERRS, FAILS], [], "fail", 1),
        ([], [], "error", 2),
    ],
)
def test_exit_code_is_the_verdict(
    results: list[Result], broken: list[dict[str, Any]], verdict: str, code: int, tmp_path: Path
) -> None:
    one = run(*results, broken=broken)
    told = json.loads(one.write(tmp_path / "report.json").read_text())
    assert (told["verdict"], one.exit_code) == (verdict, code)


def test_report_of_every_ending_is_valid_and_counts_each(tmp_path: Path) -> None:
    one = run(PASSES, FAILS, ERRS, LATE, ABSENT, broken=[CAUGHT, MISSED])
    told = json.loads(one.write(tmp_path / "a" / "report.json").read_text())
    jsonschema.validate(told, json.loads(SCHEMA.read_text()), format_checker=jsonschema.FormatChecker())
    assert told["totals"] == {"planned": 5, "run": 4, "passed": 1, "failed": 2, "error": 1, "absent": 1}
    assert [cell["status"] for cell in told["cells"]] == ["pass", "fail", "error", "fail", "absent"]
    assert [cell["error"] for cell in told["cells"]] == [
        None,
        None,
        "0 of 1 planned faults fired",
        None,
        "not built yet",
    ]
    assert [one["status"] for one in told["broken_builds"]] == ["pass", "fail"]


@pytest.mark.parametrize("place", [[], ["cells", 0], ["counts"], ["totals"], ["cells", 0, "invariants", 0]])
def test_schema_wants_every_field_and_knows_no_other(place: list[str | int]) -> None:
    schema, whole = json.loads(SCHEMA.read_text()), run(PASSES, broken=[CAUGHT]).as_json()
    for name in _at(whole, place):
        less = json.loads(json.dumps(whole))
        del _at(less, place)[name]
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(less, schema)
    more = json.loads(json.dumps(whole))
    _at(more, place)["surprise"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(more, schema)


def _at(whole: Any, place: list[str | int]) -> Any:
    for step in place:
        whole = whole[step]
    return whole


def test_report_that_does_not_fit_its_schema_is_never_written(tmp_path: Path) -> None:
    strange = result()
    strange.cell = "guess.P4"
    with pytest.raises(jsonschema.ValidationError):
        run(strange).write(tmp_path / "report.json")
    assert not (tmp_path / "report.json").exists()


def test_counts_are_sums_and_what_was_lost_or_doubled_is_a_violation_of_what_forbids_it() -> None:
    lost = result(invariants=[held("I2", status="fail", violations=3), held("I6", status="fail", violations=5)])
    doubled = result(invariants=[held("I4", status="fail", violations=2)])
    sent = result()
    sent.counts = {"kills": 2, "forged_sent": 10, "interleavings": 4}
    found = run(lost, doubled, sent, sent).counts()
    assert (found["kills"], found["forged_sent"], found["lost"], found["doubled"]) == (4, 20, 3, 2)
    assert "interleavings" not in found


def test_table_names_what_failed_last_with_the_command_that_replays_it() -> None:
    lines = terminal.table(run(FAILS, PASSES, ABSENT, broken=[MISSED]), 161).splitlines()
    assert "FAIL   make faults CELL=crash.P4.kill SEED=7" in lines[2] and lines[1].endswith("pass")
    assert any("NOT CAUGHT" in one for one in lines)
    assert lines[-1].startswith("3 cells  1 pass  1 fail  0 error  1 absent") and lines[-1].endswith("2 min 41 s")


@pytest.mark.parametrize("asked", [["--parts", "nonsense"], ["--tier", "nonsense"]])
def test_what_cannot_be_run_is_exit_code_two(asked: list[str]) -> None:
    """1 would say that a promise was broken."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *asked], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "nonsense" in done.stderr
