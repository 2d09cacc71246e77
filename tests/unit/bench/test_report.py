"""The report holds its schema, and the schema holds it: nothing missing, nothing unknown, and the verdict follows from what is in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.bench import report, table
from tests.bench.latency import Latency
from tests.bench.report import EXIT_CODES, SCHEMA, Findings, Skipped
from tests.bench.rounds import Limit, Result, Round, Side, Spec

HOST = {"cores": 2, "memory_mib": 24_000, "cpu": "x", "filesystem": "ext4", "fdatasync_us": 240, "steal_pct": 0.3}
STACK = {
    "python": "3.13.0",
    "postgres": {
        "version": "18.4",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "changed_settings": {"shared_buffers": "512MB"},
    },
    "broker": {
        "name": "kafka-1",
        "version": "4.4.0",
        "brokers": 1,
        "replication_factor": 1,
        "min_insync_replicas": 1,
        "flush": "page-cache",
    },
    "libraries": {"aiokafka": "0.14.0"},
}
COUNTER = {"name": "a.b.statements", "value": 11, "allowed": 12, "status": "pass"}


def result(ratio: float = 0.5, *, gated: bool = True, void: int = 0) -> Result:
    spec = Spec("B6", "bill", "kafka-1", 0.4, 0.8, gated=gated, limits=[Limit("p99_ms", 500, 250)])
    numerator = Side(
        10 * ratio,
        "rows/s",
        100,
        1.0,
        2.0,
        {"lost": 0},
        alongside={"cpu_ms_per_item": 1.5, "cpu_ms_by_process": {"relay": 0.5}},
        latency=Latency([1.0, 2.0], True, 5.0, 0.2),
        limits={"p99_ms": 300.0},
    )
    denominator = Side(10.0, "sends/s", 100, 1.0, 2.0, {"lost": 0}, alongside={"cpu_us": 4.0})
    rounds = [Round(n + 1, "ND", numerator, denominator, "steal" if n < void else None) for n in range(3 + void)]
    return Result(spec, rounds, noisy=False)


def built(findings: Findings, *, stack: Mapping[str, Any] | None = STACK) -> dict[str, Any]:
    return report.build(findings, started_at=datetime.now(UTC), seed=1, quick=False, host=HOST, stack=stack)


def with_all() -> Findings:
    return Findings(
        results=[result(void=1)],
        skipped=[Skipped("B11", "the portal is not built yet")],
        counters=[COUNTER],
        payload_bytes={"P1": 684.0},
        hops_us={"relay": 21.0},
        limits={"core": 850.0, "full": None},
        cpu_ms_per_cycle={"core": 1.9, "full": None},
    )


class TestSchema:
    def test_itself_is_a_schema(self) -> None:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_full_report_and_report_of_counters_alone_hold(self) -> None:
        assert built(with_all())["verdict"] == "pass"
        assert built(Findings(counters=[COUNTER]), stack=None)["stack"] is None

    def test_every_field_is_required_and_no_other_is_allowed(self) -> None:
        whole = built(with_all())
        for place in (
            whole,
            whole["results"][0],
            whole["results"][0]["rounds"][0],
            whole["host"],
            whole["counters"][0],
        ):
            for field in [*place]:
                value = place.pop(field)
                assert refused(whole), f"{field} may be missing"
                place[field] = value
            place["more"] = 1
            assert refused(whole), f"unknown field is taken beside {next(iter(place))}"
            del place["more"]
        assert not refused(whole)

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("results", 0, "level"), "good"),
            (("results", 0, "broker"), "kafka"),
            (("results", 0, "ratio"), None),
            (("results", 0, "rounds", 0, "checks"), {}),
            (("stack", "postgres", "fsync"), "off"),
            (("source", "commit"), "abc"),
            (("skipped", 0, "reason"), ""),
            (("verdict",), "fine"),
        ],
    )
    def test_what_a_field_may_not_be(self, path: tuple[Any, ...], value: object) -> None:
        whole = copy.deepcopy(built(with_all()))
        place: Any = whole
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        assert refused(whole)


def refused(whole: Mapping[str, Any]) -> bool:
    return not jsonschema.Draft202012Validator(SCHEMA).is_valid(whole)


class TestResult:
    def test_void_rounds_are_told_and_do_not_count(self) -> None:
        found = report.result_json(result(void=1))
        assert (len(found["rounds"]), found["void_rounds"]) == (4, 1)
        assert [one["void"] for one in found["rounds"]] == ["steal", None, None, None]
        assert found["latency_ms"]["samples"] == 6

    def test_baselines_figures_stand_behind_their_own_names(self) -> None:
        found = report.result_json(result())
        assert found["alongside"] == {
            "cpu_ms_per_item": 1.5,
            "cpu_ms_by_process": {"relay": 0.5},
            "baseline_cpu_us": 4.0,
        }
        assert found["rounds"][0]["checks"] == {"lost": 0, "baseline_lost": 0}


class TestVerdict:
    def test_pass_miss_and_no_result_have_their_exit_codes(self) -> None:
        miss, no_result = Findings(results=[result(0.3)]), Findings(results=[result()], invalid=["B7: void"])
        assert [EXIT_CODES[found.verdict] for found in (with_all(), miss, no_result)] == [0, 1, 2]

    def test_nothing_found_is_no_pass(self) -> None:
        assert Findings(skipped=[Skipped("B11", "not built")]).verdict == "invalid"

    def test_counter_above_its_ceiling_fails(self) -> None:
        assert Findings(counters=[{**COUNTER, "status": "fail"}]).verdict == "fail"

    def test_miss_that_is_not_gated_passes(self) -> None:
        assert Findings(results=[result(0.3, gated=False)]).verdict == "pass"


class TestTrend:
    def line(self, ratio: float, **changes: Any) -> dict[str, Any]:
        return {
            "id": "B6",
            "variant": "bill",
            "broker": "kafka-1",
            "quick": False,
            "ratio": ratio,
            "host": {"cpu": "x", "cores": 2, "fdatasync_us": 1},
            **changes,
        }

    def warning(self, lines: list[dict[str, Any]], ratio: float = 0.5, better: str = "higher") -> str | None:
        return report.trend(lines, report.result_json(result(ratio)), HOST, better=better)

    def test_warns_below_eighty_per_cent_of_the_usual(self) -> None:
        usual = [self.line(r) for r in (0.6, 0.7, 0.7, 0.7, 0.9)]
        assert self.warning(usual, 0.55) == "B6 bill: 0.55, usually 0.7"
        assert self.warning(usual, 0.57) is None

    def test_other_hosts_quick_runs_and_other_brokers_do_not_count(self) -> None:
        others = [
            self.line(9.0, host={"cpu": "y", "cores": 2}),
            self.line(9.0, quick=True),
            self.line(9.0, broker="kafka-3"),
        ]
        assert self.warning(others) is None

    def test_only_the_last_thirty_count(self) -> None:
        assert self.warning([self.line(9.0)] * 40 + [self.line(0.5)] * 30) is None

    def test_where_lower_is_better_it_warns_above(self) -> None:
        assert self.warning([self.line(0.3)] * 3, 0.5, "lower") is not None
        assert self.warning([self.line(0.45)] * 3, 0.5, "lower") is None


class TestWritten:
    def test_file_holds_the_report_and_history_one_line_per_result(self, tmp_path: Path) -> None:
        whole = built(with_all())
        for _ in range(2):
            report.write(whole, tmp_path / "reports" / "b.json", tmp_path / "reports" / "history.jsonl")
        assert json.loads((tmp_path / "reports" / "b.json").read_text()) == whole
        lines = report.read_history(tmp_path / "reports" / "history.jsonl")
        assert [(line["id"], line["ratio"]) for line in lines] == [("B6", 0.5)] * 2

    def test_table_names_marks_sides_broker_counters_and_reasons(self) -> None:
        shown = "\n".join(table.lines(built(with_all())))
        for part in (
            "B6",
            "✓ pass",
            "5.0 rows/s against 10.0 sends/s",
            "kafka-1",
            "a.b.statements",
            "portal",
            "1.90 ms",
        ):
            assert part in shown
