"""A ratio is the median of three interleaved, turned rounds (N D, D N, N D); a wrong system has no ratio at all.

Too wide a spread buys two more rounds; still too wide, and the result is `noisy`. A void round (the generator fell behind,
the hypervisor stole time) is repeated in the same order; a third void one ends the benchmark without a result. One failed
check of one side, in warm-up or measurement, ends it at once. Sides do the work; this file only turns, counts and judges.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any, Literal

from tests.bench.latency import Latency
from tests.bench.steal import Steal

WIDE = 0.30
MOST_VOID = 2
MOST_STEAL_PCT = 5.0
Figures = Mapping[str, "float | Mapping[str, float]"]
Better = Literal["higher", "lower"]
Level = Literal["miss", "pass", "world_class"]


class NoResult(Exception):
    """The benchmark has no figure: a check failed, or too many rounds were void. The text says which."""


@dataclass(frozen=True)
class Side:
    """What one side of one round gave. `value` in the unit that `what` names; every check must be 0, and there is one."""

    value: float
    what: str
    items: int
    warmup_s: float
    measured_s: float
    checks: Mapping[str, int]
    alongside: Figures = field(default_factory=dict)
    void: str | None = None
    latency: Latency | None = None
    limits: Mapping[str, float] = field(default_factory=dict)  # values of the spec's limits, by name


@dataclass(frozen=True)
class Limit:
    """A second condition beside the ratio: the value (median over rounds) must stay at or below, or above where higher is better."""

    name: str
    passes: float
    world_class: float
    better: Better = "lower"


@dataclass(frozen=True)
class Spec:
    """What is measured against which thresholds. `gated` false: the level is told, the run does not fail by it."""

    id: str
    variant: str
    broker: str
    passes: float
    world_class: float
    better: Better = "higher"
    limits: Sequence[Limit] = ()
    gated: bool = True
    rounds: int = 3
    more: int = 2  # rounds more when the spread is wide; 0 in quick runs

    def quick(self) -> Spec:
        """The same in one round, never quoted."""
        return replace(self, rounds=1, more=0)


@dataclass(frozen=True)
class Round:
    """One round; void ones are kept too, for the report."""

    n: int
    order: Literal["ND", "DN"]
    numerator: Side
    denominator: Side
    void: str | None

    @property
    def ratio(self) -> float:
        return self.numerator.value / self.denominator.value if self.denominator.value else 0.0


@dataclass(frozen=True)
class Result:
    """Figures of one benchmark; `rounds` are all, void ones included, but only the others count."""

    spec: Spec
    rounds: Sequence[Round]
    noisy: bool

    @property
    def counted(self) -> list[Round]:
        return [one for one in self.rounds if one.void is None]

    @property
    def ratio(self) -> float:
        return median(one.ratio for one in self.counted)

    @property
    def low(self) -> float:
        return min(one.ratio for one in self.counted)

    @property
    def high(self) -> float:
        return max(one.ratio for one in self.counted)

    @property
    def spread(self) -> float:
        return spread([one.ratio for one in self.counted])

    @property
    def void_rounds(self) -> int:
        return len(self.rounds) - len(self.counted)

    def limit(self, name: str) -> float:
        """Median over rounds of a limit's value."""
        return median(one.numerator.limits[name] for one in self.counted)

    @property
    def level(self) -> Level:
        """The lowest level of the ratio and of every limit."""
        levels = [level(self.ratio, self.spec.passes, self.spec.world_class, self.spec.better)]
        levels += [level(self.limit(one.name), one.passes, one.world_class, one.better) for one in self.spec.limits]
        order: list[Level] = ["miss", "pass", "world_class"]
        return min(levels, key=order.index)

    @property
    def fails_run(self) -> bool:
        return self.spec.gated and self.level == "miss"

    @property
    def alongside(self) -> dict[str, Any]:
        """Medians over rounds of what the numerators told beside their value; the denominators' behind `baseline_`."""
        own = medians([one.numerator.alongside for one in self.counted])
        other = medians([one.denominator.alongside for one in self.counted])
        return {**own, **{f"baseline_{name}": value for name, value in other.items()}}

    @property
    def latency(self) -> Latency | None:
        """All samples of all counted rounds as one, never an average of percentiles."""
        found = [one.numerator.latency for one in self.counted if one.numerator.latency is not None]
        return Latency.together(found) if found else None


Measure = Callable[[int], Awaitable[Side]]
Pair = Callable[[int], Awaitable[tuple[Side, Side]]]
Tell = Callable[[str], None]


async def ratio(
    spec: Spec,
    numerator: Measure,
    denominator: Measure,
    *,
    prepare: Callable[[], Awaitable[None]] | None = None,
    tell: Tell = print,
) -> Result:
    """Both sides by turns; `prepare` (vacuum, checkpoint) runs before each side, outside of what is measured.

    Raises NoResult when a check fails or more than two rounds were void.
    """

    async def play(number: int) -> tuple[Side, Side]:
        async def one(measure: Measure) -> Side:
            if prepare is not None:
                await prepare()
            return await watched(measure, number)

        if turned(number):
            second = await one(denominator)
            return await one(numerator), second
        first = await one(numerator)
        return first, await one(denominator)

    return await paired(spec, play, tell=tell)


async def paired(spec: Spec, play: Pair, *, tell: Tell = print, now: Callable[[], Steal] = Steal.now) -> Result:
    """Rounds whose two sides come out of one measurement (a percentile over another, a rate over a derived limit)."""
    rounds: list[Round] = []
    wanted, noisy = spec.rounds, False
    while (done := sum(one.void is None for one in rounds)) < wanted:
        before = now()
        numerator, denominator = await play(done + 1)
        numerator = unless_stolen(numerator, before.pct_until(now()))
        rounds.append(judged(spec, done + 1, numerator, denominator))
        tell(line(spec, rounds[-1]))
        if sum(one.void is not None for one in rounds) > MOST_VOID:
            raise NoResult(f"{spec.id}: more than {MOST_VOID} void rounds: {rounds[-1].void}")
        ratios = [one.ratio for one in rounds if one.void is None]
        if len(ratios) == wanted and spread(ratios) > WIDE:
            noisy = wanted > spec.rounds or spec.more == 0
            wanted = spec.rounds + spec.more
    return Result(spec, rounds, noisy)


async def watched(measure: Measure, number: int, *, now: Callable[[], Steal] = Steal.now) -> Side:
    """The side, void when the machine was not ours meanwhile."""
    before = now()
    side = await measure(number)
    return unless_stolen(side, before.pct_until(now()))


def unless_stolen(side: Side, stolen_pct: float) -> Side:
    """The same, or void when more than 5 % of the time went to others."""
    if side.void is None and stolen_pct > MOST_STEAL_PCT:
        return replace(side, void=f"steal {stolen_pct:.1f} % during {side.what}")
    return side


def judged(spec: Spec, number: int, numerator: Side, denominator: Side) -> Round:
    """The round of two sides. Raises NoResult when a check of either failed, or when one checked nothing."""
    for side in (numerator, denominator):
        wrong = {name: count for name, count in side.checks.items() if count}
        if wrong:
            raise NoResult(f"{spec.id}: wrong, so it has no speed: {side.what}: {wrong}")
    if not numerator.checks:
        raise NoResult(f"{spec.id}: {numerator.what} checked nothing")
    void = numerator.void or denominator.void
    if void is None and (denominator.value <= 0 or numerator.items == 0):
        raise NoResult(f"{spec.id}: nothing was measured: {numerator.items} items, baseline {denominator.value}")
    return Round(number, "DN" if turned(number) else "ND", numerator, denominator, void)


def turned(number: int) -> bool:
    """Whether the baseline comes first: in every second round."""
    return number % 2 == 0


def spread(ratios: Sequence[float]) -> float:
    """(highest − lowest) ÷ median; 0 for one ratio."""
    middle = median(ratios)
    return (max(ratios) - min(ratios)) / middle if middle else 0.0


def level(value: float, passes: float, world_class: float, better: Better) -> Level:
    """Thresholds belong to the better side: exactly at the threshold passes."""
    sign = 1 if better == "higher" else -1
    if sign * value >= sign * world_class:
        return "world_class"
    return "pass" if sign * value >= sign * passes else "miss"


def medians(figures: Sequence[Figures]) -> dict[str, Any]:
    """Name by name the median, nested tables too; a name that only some rounds know counts where it is known."""
    found: dict[str, Any] = {}
    for name in dict.fromkeys(name for one in figures for name in one):
        values = [one[name] for one in figures if name in one]
        tables = [value for value in values if isinstance(value, Mapping)]
        found[name] = medians(tables) if tables else median(v for v in values if not isinstance(v, Mapping))
    return found


def line(spec: Spec, one: Round) -> str:
    """What a person sees of a round while the run goes on."""
    sides = f"{one.numerator.value:,.1f} {one.numerator.what} / {one.denominator.value:,.1f} {one.denominator.what}"
    return f"  {spec.id} {spec.variant} round {one.n} {one.order}: {one.ratio:.3f} = {sides}" + (
        f" — void: {one.void}" if one.void else ""
    )
