"""Percentiles of all samples, and the generator that must not be late."""

from __future__ import annotations

import pytest

from tests.bench.latency import Latency, percentile


@pytest.mark.parametrize(
    ("pct", "expected"), [(50, 50.0), (95, 95.0), (99, 99.0), (99.9, 100.0), (100, 100.0), (0.1, 1.0)]
)
def test_percentile_is_the_nearest_rank(pct: float, expected: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], pct) == expected


def test_percentile_of_one_sample_is_that_sample() -> None:
    assert percentile([7.0], 50) == percentile([7.0], 99.9) == 7.0


def test_merging_takes_samples_and_never_averages_percentiles() -> None:
    # 99 fast of one part, 99 slow of another: the p99 of all is slow, the mean of both p99 is not
    together = Latency.together([Latency([1.0] * 99, True, 10.0, 0.1), Latency([100.0] * 99, True, 20.0, 0.4)])
    assert (together.at(50), together.at(99)) == (1.0, 100.0)
    assert (together.offered_per_s, together.lateness_p99_ms) == (15.0, 0.4)


@pytest.mark.parametrize(("late", "void"), [(5.0, None), (5.1, "generator late: p99 5.1 ms")])
def test_open_loop_is_void_when_its_generator_was_late(late: float, void: str | None) -> None:
    assert Latency([1.0], True, 10.0, late).void == void


def test_closed_loop_cannot_be_late() -> None:
    assert Latency([1.0], False).void is None


def test_report_has_every_field_of_the_schema() -> None:
    assert Latency([1.0, 2.0], True, 10.0, 0.25).report() == {
        "p50": 1.0,
        "p95": 2.0,
        "p99": 2.0,
        "p999": 2.0,
        "max": 2.0,
        "samples": 2,
        "open_loop": True,
        "offered_per_s": 10.0,
        "lateness_p99_ms": 0.25,
    }
