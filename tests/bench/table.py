"""What a person sees in the terminal: per result the ratio with its marks, both sides in their units, and last the counters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

MARKS = {"miss": "✗ miss", "pass": "✓ pass", "world_class": "★ world-class"}


def lines(report: Mapping[str, Any]) -> Iterable[str]:
    """The whole report in lines."""
    if report["results"]:
        yield from _heading(report)
        for result in report["results"]:
            yield from _result(result)
    for one in report["skipped"]:
        yield f"{one['id']:<4} skipped: {one['reason']}"
    yield from _model(report["model"])
    yield from _counters(report["counters"])
    for name in ("core", "full"):
        if (cpu := report["model"][f"cpu_ms_per_{name}_cycle"]) is not None:
            yield f"CPU per {name} cycle: {cpu:.2f} ms"
    yield f"verdict: {report['verdict']}"


def _heading(report: Mapping[str, Any]) -> Iterable[str]:
    host, stack = report["host"], report["stack"]
    commit = report["source"]["commit"][:9] + (" (tree not clean)" if report["source"]["dirty"] else "")
    yield f"{host['cores']} cores, {host['cpu']}, {host['filesystem']}, fdatasync {host['fdatasync_us']} µs; commit {commit}"
    if stack is not None:
        broker = stack["broker"]
        yield (
            f"PostgreSQL {stack['postgres']['version']}; {broker['name']}: Kafka {broker['version']}, {broker['brokers']} broker(s),"
            f" RF {broker['replication_factor']}, acknowledged from the {broker['flush'].replace('-', ' ')}"
        )
    if report["quick"]:
        yield "QUICK: one round on little data; these figures show that it runs and nothing else"
    yield ""


def _result(result: Mapping[str, Any]) -> Iterable[str]:
    noisy = ", noisy: not to be quoted" if result["noisy"] else ""
    gate = "" if result["gated"] else ", not gated yet"
    sign = "≥" if result["better"] == "higher" else "≤"
    yield (
        f"{result['id']:<4}{result['variant']:<22}{result['ratio']:>9.3f}  [{result['low']:.3f} – {result['high']:.3f}]"
        f"  {MARKS[result['level']]} (pass {sign} {result['pass']:g}, world-class {sign} {result['world_class']:g}{noisy}{gate})"
        f"  {result['broker']}"
    )
    numerator, denominator = result["numerator"], result["denominator"]
    yield f"      {_figure(numerator)} against {_figure(denominator)}"
    for limit in result["limits"]:
        yield f"      {limit['name']} {limit['value']:,.1f} (pass {limit['pass']:g}, world-class {limit['world_class']:g})"
    if (latency := result["latency_ms"]) is not None:
        yield (
            f"      latency ms p50 {latency['p50']:.1f}  p95 {latency['p95']:.1f}  p99 {latency['p99']:.1f}"
            f"  p99.9 {latency['p999']:.1f}  max {latency['max']:.1f}  of {latency['samples']:,}"
        )


def _figure(side: Mapping[str, Any]) -> str:
    return f"{side['median']:,.1f} {side['what']}"


def _model(model: Mapping[str, Any]) -> Iterable[str]:
    if model["hops_us"]:
        yield ""
        yield "hop                                  µs"
        for name, value in model["hops_us"].items():
            yield f"  {name:<30}{value:>8,.1f}"
    for name, limit in model["limit_cycles_per_s"].items():
        if limit is not None:
            yield f"limit of the {name} path: {limit:,.0f} cycles/s"
    filled = {name: value for name, value in model["paper_24_partitions"].items() if value is not None}
    if filled:
        yield "on paper for 24 partitions, items/s: " + ", ".join(
            f"{name} {value:,.0f}" for name, value in filled.items()
        )


def _counters(counters: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    shown = [*counters]
    if shown:
        yield ""
        yield f"{'counter':<52}{'value':>6}{'most':>6}"
    for one in shown:
        value = "-" if one["value"] is None else one["value"]
        why = "" if one["status"] == "pass" else "✗ nothing counted it" if one["value"] is None else "✗ too many"
        yield f"{one['name']:<52}{value:>6}{one['allowed']:>6}  {why}".rstrip()
