"""The report: every figure with its conditions, in the form that report.schema.json fixes; one line per result goes into the history.

A report that does not hold its own schema is not written.
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from chassis.ids import new_id
from deploy.local.places import PROJECT
from tests.bench.rounds import Result, Round, Side

SCHEMA = json.loads((Path(__file__).parent / "report.schema.json").read_text(encoding="utf-8"))
NAME = "perisai.bench/1"
EXIT_CODES = {"pass": 0, "fail": 1, "invalid": 2}


@dataclass(frozen=True)
class Skipped:
    """A benchmark without a result, and why."""

    id: str
    reason: str


@dataclass
class Findings:
    """What a run has found so far. `invalid`: some benchmark had to give up, so the run says less than was asked."""

    results: list[Result] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    counters: list[dict[str, Any]] = field(default_factory=list)
    payload_bytes: dict[str, float] = field(default_factory=dict)
    hops_us: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float | None] = field(default_factory=lambda: {"core": None, "full": None})
    paper: dict[str, float | None] = field(
        default_factory=lambda: dict.fromkeys(("workers", "postgres", "relay", "hottest_key"))
    )
    cpu_ms_per_cycle: dict[str, float | None] = field(default_factory=lambda: {"core": None, "full": None})

    @property
    def verdict(self) -> str:
        """fail: a threshold or a counter is missed · invalid: nothing failed, but something asked for has no result."""
        if any(r.fails_run for r in self.results) or any(c["status"] == "fail" for c in self.counters):
            return "fail"
        return "invalid" if self.invalid or not (self.results or self.counters) else "pass"


def source() -> dict[str, Any]:
    """Commit and whether the tree was clean; zeros where there is no git."""

    def git(*words: str) -> str:
        found = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, text=True, check=False)
        return found.stdout.strip()

    return {"commit": git("rev-parse", "HEAD") or "0" * 40, "dirty": bool(git("status", "--porcelain"))}


def build(
    findings: Findings,
    *,
    started_at: datetime,
    seed: int,
    quick: bool,
    host: Mapping[str, Any],
    stack: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The whole report. `stack` is None when only counters were run."""
    report = {
        "schema": NAME,
        "run_id": str(new_id()),
        "started_at": _instant(started_at),
        "finished_at": _instant(datetime.now(UTC)),
        "seed": seed,
        "quick": quick,
        "source": source(),
        "host": dict(host),
        "stack": stack,
        "payload_bytes": {name: findings.payload_bytes.get(name) for name in ("P1", "P2", "P3", "csv_row")},
        "results": [result_json(result) for result in findings.results],
        "model": {
            "hops_us": findings.hops_us,
            "limit_cycles_per_s": findings.limits,
            "cpu_ms_per_core_cycle": findings.cpu_ms_per_cycle["core"],
            "cpu_ms_per_full_cycle": findings.cpu_ms_per_cycle["full"],
            "paper_24_partitions": findings.paper,
        },
        "counters": findings.counters,
        "skipped": [{"id": one.id, "reason": one.reason} for one in findings.skipped],
        "verdict": findings.verdict,
    }
    jsonschema.validate(report, SCHEMA)
    return report


def result_json(result: Result) -> dict[str, Any]:
    spec = result.spec
    first = result.counted[0]
    latency = result.latency
    return {
        "id": spec.id,
        "variant": spec.variant,
        "broker": spec.broker,
        "better": spec.better,
        "unit": "ratio",
        "ratio": round(result.ratio, 4),
        "low": round(result.low, 4),
        "high": round(result.high, 4),
        "spread": round(result.spread, 4),
        "pass": spec.passes,
        "world_class": spec.world_class,
        "level": result.level,
        "gated": spec.gated,
        "noisy": result.noisy,
        "void_rounds": result.void_rounds,
        "numerator": {"what": first.numerator.what, "median": _median(result, "numerator")},
        "denominator": {"what": first.denominator.what, "median": _median(result, "denominator")},
        "rounds": [_round(one) for one in result.rounds],
        "limits": [
            {
                "name": limit.name,
                "value": round(result.limit(limit.name), 4),
                "pass": limit.passes,
                "world_class": limit.world_class,
            }
            for limit in spec.limits
        ],
        "latency_ms": None if latency is None else latency.report(),
        "alongside": _rounded(result.alongside),
    }


def _round(one: Round) -> dict[str, Any]:
    """Times, items and checks are the numerator's; the denominator's checks stand behind `baseline_`."""
    numerator, denominator = one.numerator, one.denominator
    return {
        "n": one.n,
        "order": one.order,
        "numerator": round(numerator.value, 4),
        "denominator": round(denominator.value, 4),
        "ratio": round(one.ratio, 4),
        "warmup_s": round(numerator.warmup_s, 3),
        "measured_s": round(numerator.measured_s, 3),
        "items": numerator.items,
        "checks": {**numerator.checks, **{f"baseline_{name}": n for name, n in denominator.checks.items()}},
        "void": one.void,
    }


def _median(result: Result, side: str) -> float:
    values = sorted(_value(getattr(one, side)) for one in result.counted)
    middle = len(values) // 2
    return round(values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2, 4)


def _value(side: Side) -> float:
    return side.value


def _rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _rounded(value) if isinstance(value, Mapping) else round(float(value), 5)
        for name, value in figures.items()
    }


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write(report: Mapping[str, Any], path: Path, history: Path) -> None:
    """The report as a file, and one line per result appended to the history."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    history.parent.mkdir(parents=True, exist_ok=True)
    with history.open("a", encoding="utf-8") as lines:
        for result in report["results"]:
            lines.write(json.dumps(history_line(report, result), ensure_ascii=False) + "\n")


def history_line(report: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    """What a trend needs of one result: what, where, when, of which commit."""
    kept = ("id", "variant", "broker", "ratio", "low", "high", "noisy", "level")
    sides = {side: result[side]["median"] for side in ("numerator", "denominator")}
    host = {name: report["host"][name] for name in ("cores", "cpu", "fdatasync_us")}
    return {
        **{name: report[name] for name in ("run_id", "started_at", "quick")},
        **report["source"],
        **{name: result[name] for name in kept},
        **sides,
        "host": host,
    }


def trend(
    history: Sequence[Mapping[str, Any]], result: Mapping[str, Any], host: Mapping[str, Any], *, better: str
) -> str | None:
    """A warning when the ratio is below 80 % of the median of the last 30 results of this host; never a failure."""
    same = [
        line["ratio"]
        for line in history
        if (line["id"], line["variant"], line["broker"]) == (result["id"], result["variant"], result["broker"])
        and not line["quick"]
        and (line["host"]["cpu"], line["host"]["cores"]) == (host["cpu"], host["cores"])
    ][-30:]
    if not same:
        return None
    usual = sorted(same)[len(same) // 2]
    now = result["ratio"]
    worse = now < 0.8 * usual if better == "higher" else now > usual / 0.8
    return f"{result['id']} {result['variant']}: {now:g}, usually {usual:g}" if worse else None


def read_history(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def python_version() -> str:
    return platform.python_version()
