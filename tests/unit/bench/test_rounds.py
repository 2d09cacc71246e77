"""Rounds turn, void ones are repeated, wrong ones end it all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.bench.latency import Latency
from tests.bench.rounds import (
    Limit,
    Measure,
    NoResult,
    Result,
    Side,
    Spec,
    level,
    medians,
    paired,
    ratio,
    spread,
    watched,
)
from tests.bench.steal import Steal

SPEC = Spec("B2", "drain", "kafka-1", passes=0.4, world_class=0.8)


def side(value: float, **more: Any) -> Side:
    given: dict[str, Any] = {"items": 10, "warmup_s": 1.0, "measured_s": 2.0, "checks": {"lost": 0}, **more}
    return Side(value, "rows/s", **given)


class Script:
    """Gives prepared sides one after the other, and notes the order in which it was asked."""

    def __init__(self, values: Sequence[float | Side], name: str = "N", seen: list[str] | None = None) -> None:
        self._sides: Iterator[Side] = iter([v if isinstance(v, Side) else side(v) for v in values])
        self._name, self.seen = name, [] if seen is None else seen

    async def __call__(self, number: int) -> Side:
        self.seen.append(f"{self._name}{number}")
        return next(self._sides)


def silent(_: str) -> None:
    """Says nothing."""


async def played(numerator: Measure, denominator: Measure, spec: Spec = SPEC) -> Result:
    return await ratio(spec, numerator, denominator, tell=silent)


class TestOrder:
    async def test_rounds_are_interleaved_and_turned(self) -> None:
        seen: list[str] = []
        result = await played(Script([4, 4.5, 5], "N", seen), Script([10, 10, 10], "D", seen))
        assert seen == ["N1", "D1", "D2", "N2", "N3", "D3"]
        assert [one.order for one in result.rounds] == ["ND", "DN", "ND"]

    async def test_result_is_the_median_of_the_ratios_and_not_the_ratio_of_medians(self) -> None:
        result = await played(Script([4.0, 5.0, 4.4]), Script([10.0, 10.0, 11.0]))
        assert (result.ratio, result.low, result.high) == (0.4, 0.4, 0.5)
        assert result.spread == pytest.approx(0.25)

    async def test_preparation_comes_before_every_side(self) -> None:
        seen: list[str] = []

        async def prepare() -> None:
            seen.append("p")

        await ratio(SPEC, Script([4, 4, 4], "N", seen), Script([8, 8, 8], "D", seen), prepare=prepare, tell=silent)
        assert seen == ["p", "N1", "p", "D1", "p", "D2", "p", "N2", "p", "N3", "p", "D3"]

    async def test_quick_run_is_one_round(self) -> None:
        result = await played(Script([4]), Script([8]), SPEC.quick())
        assert (len(result.rounds), result.ratio, result.noisy) == (1, 0.5, False)


class TestSpread:
    async def test_wide_spread_buys_two_more_rounds_that_may_settle_it(self) -> None:
        result = await played(Script([4, 5.5, 4.5, 4.6, 4.4]), Script([10] * 5))
        assert len(result.rounds) == 5
        assert (result.ratio, result.noisy) == (0.45, True)  # (5.5 - 4) / 4.5 = 0.33: still too wide

    async def test_spread_that_narrows_with_the_median_is_not_noisy(self) -> None:
        result = await played(Script([4, 5.3, 4.1, 4.9, 4.9]), Script([10] * 5))
        assert (len(result.rounds), result.noisy) == (5, False)  # first 1.3 / 4.1 = 0.32, then 1.3 / 4.9 = 0.27

    async def test_narrow_spread_is_three_rounds(self) -> None:
        result = await played(Script([4, 4.5, 4.2]), Script([10] * 3))
        assert (len(result.rounds), result.noisy) == (3, False)

    def test_spread_is_relative_to_the_median(self) -> None:
        assert spread([1.0, 2.0, 3.0]) == 1.0
        assert spread([2.0]) == 0.0


class TestVoid:
    async def test_void_round_is_repeated_in_its_order_and_does_not_count(self) -> None:
        numerators = [side(4), side(99, void="generator late"), side(5), side(5.2)]
        seen: list[str] = []
        result = await played(Script(numerators, "N", seen), Script([10] * 4, "D", seen))
        assert seen == ["N1", "D1", "D2", "N2", "D2", "N2", "N3", "D3"]
        assert (result.ratio, result.void_rounds, len(result.rounds)) == (0.5, 1, 4)

    async def test_void_denominator_voids_the_round_too(self) -> None:
        result = await played(Script([4, 4, 4, 4]), Script([side(10, void="steal"), *[10] * 3]))
        assert result.void_rounds == 1

    async def test_third_void_round_ends_it(self) -> None:
        with pytest.raises(NoResult, match="more than 2 void rounds: generator late"):
            await played(Script([side(4, void="generator late")] * 3), Script([10] * 3))

    async def test_two_void_rounds_are_borne(self) -> None:
        bad = side(4, void="generator late")
        result = await played(Script([bad, bad, 4, 4, 4]), Script([10] * 5))
        assert result.void_rounds == 2

    @pytest.mark.parametrize(("stolen", "void"), [(51, "steal 5.1 % during rows/s"), (50, None)])
    async def test_more_than_five_per_cent_of_stolen_time_void_a_side(self, stolen: int, void: str | None) -> None:
        readings = iter([Steal(0, 0), Steal(1000, stolen)])
        assert (await watched(Script([4]), 1, now=lambda: next(readings))).void == void

    async def test_stolen_time_voids_a_round_whose_sides_come_out_of_one_measurement(self) -> None:
        readings = iter([Steal(0, 0), Steal(100, 6), Steal(200, 6), Steal(300, 6)])

        async def play(number: int) -> tuple[Side, Side]:
            return side(4), side(10)

        result = await paired(SPEC.quick(), play, tell=silent, now=lambda: next(readings))
        assert [one.void for one in result.rounds] == ["steal 6.0 % during rows/s", None]


class TestWrong:
    @pytest.mark.parametrize("count", [1, 7])
    async def test_failed_check_ends_it_without_a_result(self, count: int) -> None:
        with pytest.raises(NoResult, match=f"'doubled': {count}"):
            await played(Script([side(4, checks={"lost": 0, "doubled": count})]), Script([10]))

    async def test_failed_check_of_the_baseline_counts_the_same(self) -> None:
        with pytest.raises(NoResult, match="'lost': 1"):
            await played(Script([4]), Script([side(10, checks={"lost": 1})]))

    async def test_failed_check_in_a_void_round_still_ends_it(self) -> None:
        with pytest.raises(NoResult, match="'lost': 1"):
            await played(Script([side(4, void="steal", checks={"lost": 1})]), Script([10]))

    async def test_numerator_that_checks_nothing_has_no_result(self) -> None:
        with pytest.raises(NoResult, match="checked nothing"):
            await played(Script([side(4, checks={})]), Script([10]))

    async def test_nothing_measured_is_no_result(self) -> None:
        with pytest.raises(NoResult, match="nothing was measured"):
            await played(Script([side(0, items=0)]), Script([10]))
        with pytest.raises(NoResult, match="nothing was measured"):
            await played(Script([4]), Script([0]))


class TestLevel:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [(0.39, "miss"), (0.4, "pass"), (0.79, "pass"), (0.8, "world_class"), (1.7, "world_class")],
    )
    def test_higher_is_better(self, value: float, expected: str) -> None:
        assert level(value, 0.4, 0.8, "higher") == expected

    @pytest.mark.parametrize(("value", "expected"), [(5.1, "miss"), (5, "pass"), (3.1, "pass"), (3, "world_class")])
    def test_lower_is_better(self, value: float, expected: str) -> None:
        assert level(value, 5, 3, "lower") == expected

    async def test_result_has_the_lowest_level_of_ratio_and_limits(self) -> None:
        spec = replace(SPEC, limits=[Limit("p99_ms", 500, 250)]).quick()
        good = await played(Script([side(9, limits={"p99_ms": 251.0})]), Script([10]), spec)
        bad = await played(Script([side(9, limits={"p99_ms": 501.0})]), Script([10]), spec)
        assert (good.level, bad.level) == ("pass", "miss")
        assert bad.fails_run

    async def test_miss_of_what_is_not_gated_fails_no_run(self) -> None:
        result = await played(Script([1]), Script([10]), replace(SPEC, gated=False).quick())
        assert (result.level, result.fails_run) == ("miss", False)


class TestTogether:
    def test_medians_go_name_by_name_into_tables(self) -> None:
        found = medians(
            [{"a": 1, "cpu": {"relay": 2.0}}, {"a": 3, "cpu": {"relay": 4.0, "kafka": 1.0}}, {"a": 2, "b": 9}]
        )
        assert found == {"a": 2, "cpu": {"relay": 3.0, "kafka": 1.0}, "b": 9}

    async def test_latencies_of_rounds_are_one_distribution(self) -> None:
        numerators = [side(4, latency=Latency([n, n + 1], True, 10.0, n)) for n in (1.0, 3.0, 5.0)]
        latency = (await played(Script(numerators), Script([10] * 3))).latency
        assert latency is not None
        assert sorted(latency.samples_ms) == [1, 2, 3, 4, 5, 6]
        assert latency.lateness_p99_ms == 5.0
