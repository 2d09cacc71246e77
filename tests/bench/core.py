"""How the benchmarks of the whole core path play it: saturation, a paced run, and what each gave, checked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import applications, cycle_truth
from tests.bench.b4_bank_callback import bank_of
from tests.bench.cycle import Driver, Place, Play
from tests.bench.cycle_truth import Truth
from tests.bench.generator import in_thread
from tests.bench.ground import Ground, Measured
from tests.bench.latency import Latency, percentile
from tests.bench.priority import give_way
from tests.bench.rounds import NoResult

EVENTS_PER_CYCLE = 11
"""Registered, payer added, billed, recipient added, queued, sent, paid, protected, payer's number noted, queued, sent: as counted
(`core.cycle.events`). The model's nine knew of neither the payer nor the number."""
IN_FLIGHT, IN_FLIGHT_QUICK = 600, 100
MOST_PER_S = 900
"""Rendered beforehand per second of a saturated run: the model's limit with generator and simulators on two cores."""
SPARE = 1.2


@dataclass(frozen=True)
class Played:
    """One play with what it cost and what became of it."""

    play: Play
    truth: Truth
    spent: Measured
    checks: Mapping[str, int]

    @property
    def seconds(self) -> float:
        return self.play.window[1] - self.play.window[0]

    @property
    def completed_per_s(self) -> float:
        return cycle_truth.completed(self.play, self.truth) / self.seconds

    @property
    def cycles(self) -> int:
        return len(self.play.people)

    def latency(self, ended: Mapping[str, float], begun: Mapping[str, float] | None = None) -> Latency:
        """From the scheduled arrival (or another moment) to the commit, of arrivals in the window."""
        samples = cycle_truth.latencies_ms(self.play, dict(begun or self.play.arrived), dict(ended))
        late = percentile(self.play.lateness_ms, 99) if self.play.lateness_ms else None
        return Latency(samples, late is not None, self.play.offered_per_s or None, late)


async def saturated(ground: Ground, *, warmup_s: float, measured_s: float) -> Played:
    """As much as the system takes."""
    in_flight = IN_FLIGHT_QUICK if ground.quick else IN_FLIGHT
    wanted = round(MOST_PER_S * (warmup_s + measured_s)) + in_flight
    return await _play(
        ground,
        wanted,
        lambda driver: driver.saturated(in_flight, warmup_s=warmup_s, measured_s=measured_s),
    )


async def paced(ground: Ground, rate: float, *, warmup_s: float, measured_s: float, seed: int) -> Played:
    """Poisson arrivals at this rate."""
    wanted = round(SPARE * rate * (warmup_s + measured_s)) + 100
    return await _play(
        ground, wanted, lambda driver: driver.paced(rate, warmup_s=warmup_s, measured_s=measured_s, seed=seed)
    )


async def _play(ground: Ground, wanted: int, how: Callable[[Driver], Coroutine[Any, Any, Play]]) -> Played:
    asked, bank = await applications.render(ground, wanted), await bank_of(ground)
    await bank.log_in()
    place = Place(
        registration_urls=urls(ground, "registration"),
        payments_urls=urls(ground, "payments"),
        bootstrap=ground.stack.kafka.bootstrap,
        prefix=ground.stack.topic_prefix,
    )
    await ground.prepare()
    give_way()
    meters = [name for name in ground.estate.names if ground.estate.running(name)]
    async with ground.measured(meters=meters) as spent:
        play = await in_thread(lambda: how(Driver(place, asked, bank)))
    truth = await cycle_truth.truth_of(ground, play)
    checks = await cycle_truth.wrong(ground, play, truth)
    return Played(play, truth, spent, checks)


def urls(ground: Ground, service: str) -> Sequence[str]:
    """Every process of this service that serves its API to the world."""
    estate = ground.estate
    names = [n for n, child in estate.children.items() if child.service == service and "api" in child.roles.split(",")]
    return [estate.url(name) for name in names if estate.running(name)]


def refuse(played: Played, what: str) -> None:
    """Raises NoResult when a check of a play that is no round of its own failed."""
    if wrong := {name: count for name, count in played.checks.items() if count}:
        raise NoResult(f"{what}: wrong, so it has no speed: {wrong}")


async def no_receipts(ground: Ground) -> None:
    """The gateway sends no delivery receipts from now on: they are no part of the core cycle."""
    await ground.town.doors.outside("gateway", "POST", "/behaviour", {"receipts": "never"})
