"""B7 core: cycles per second that the whole path sustains, against the limit of its hops each measured alone in the same round.

Sustained: the target rate is met for the whole window, what is on its way grows by at most 100 rows per second, and all is
through within 5 s of the last arrival. The target is found once from saturation, and lowered until it is sustained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.bench import core, cycle_truth, host
from tests.bench.b4_bank_callback import bank_of
from tests.bench.core import EVENTS_PER_CYCLE, Played
from tests.bench.ground import Ground
from tests.bench.isolated import Isolated, Line
from tests.bench.report import Findings, Skipped
from tests.bench.rounds import NoResult, Result, Side, Spec, paired
from tests.bench.snap import Bank

FIRST_SHARE, STEP, TRIES = 0.92, 0.9, 5
MET = 0.97
MOST_GROWTH = 100.0
MOST_DRAIN_S = 5.0
PEOPLE, PEOPLE_QUICK = 4_000, 300
GOOD, EXCELLENT = 300, 600
"""Aims in cycles per second, reported and not gated."""

SPEC = Spec("B7", "core", "", passes=0.5, world_class=0.75)


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    spec = replace(SPEC, broker=ground.broker)
    whole = Whole(ground, findings)
    await core.no_receipts(ground)
    await whole.find_target()
    result = await paired(spec.quick() if ground.quick else spec, whole.round, tell=ground.tell)
    findings.skipped.append(Skipped("B7", "variant full: the archive and the portal are not built yet"))
    findings.cpu_ms_per_cycle["core"] = result.alongside["cpu_ms_per_item"]
    findings.limits["core"] = round(sum(one.denominator.value for one in result.counted) / len(result.counted), 2)
    return [result]


@dataclass
class Whole:
    """The two sides of a round."""

    ground: Ground
    findings: Findings
    target: float = 0.0

    async def find_target(self) -> None:
        """A share of what the path takes at most."""
        self.target = FIRST_SHARE * await saturation(self.ground)
        self.ground.tell(f"  B7: first target {self.target:.0f} cycles/s")

    async def round(self, number: int) -> tuple[Side, Side]:
        if number % 2 == 0:
            limit = await self._limit()
            return await self._sustained(number), limit
        rate = await self._sustained(number)
        return rate, await self._limit()

    async def _sustained(self, number: int) -> Side:
        """Lower and lower targets until one is sustained; a target that proved too high stays out of later rounds."""
        sizes = self.ground.sizes
        for _ in range(TRIES):
            played = await core.paced(
                self.ground,
                self.target,
                warmup_s=sizes.warmup_s,
                measured_s=sizes.long_s,
                seed=self.ground.seed + number,
            )
            core.refuse(played, "B7")
            if (why := not_sustained(played, self.target)) is None or self.ground.quick:
                return self._side(played)
            self.ground.tell(f"  B7: {self.target:.0f} cycles/s are not sustained: {why}")
            self.target *= STEP
        raise NoResult(f"B7: no rate was sustained down to {self.target:.0f} cycles/s")

    def _side(self, played: Played) -> Side:
        sizes, spent = self.ground.sizes, played.spent
        return Side(
            value=played.completed_per_s,
            what="core cycles/s sustained",
            items=played.cycles,
            warmup_s=sizes.warmup_s,
            measured_s=sizes.long_s,
            checks=played.checks,
            void=played.latency(played.truth.told).void,
            latency=played.latency(played.truth.told),
            alongside={
                **spent.alongside(played.cycles),
                "cpu_ms_per_cycle": 1000 * spent.cpu.platform_s / played.cycles,
                "events_per_cycle": spent.meters.events / played.cycles,
                "statements_per_cycle": spent.meters.statements / played.cycles,
                "wal_bytes_per_cycle": spent.counts.wal_bytes / played.cycles,
                "topic_bytes_per_cycle": spent.topic_bytes / played.cycles,
                "backlog_growth_rows_per_s": growth(played),
                "drain_s": cycle_truth.drain_s(played.play, played.truth),
                "target_per_s": self.target,
                "aim_good_per_s": GOOD,
                "aim_excellent_per_s": EXCELLENT,
            },
        )

    async def _limit(self) -> Side:
        people = PEOPLE_QUICK if self.ground.quick else PEOPLE
        found = await isolated(self.ground, people)
        self.findings.hops_us = found.hops_us()
        return Side(
            value=found.limit_per_s(host.cores()),
            what="core cycles/s by the sum of the hops",
            items=people,
            warmup_s=0.0,
            measured_s=sum(people / hop.per_s for hop in found.hops),
            checks={"not_through": 0},  # else the line has raised
            alongside={
                "cpu_ms_per_cycle": 1000 * found.platform_s,
                "cpu_ms_outside_per_cycle": 1000 * found.outside_s,
                "slowest_hop_per_s": found.slowest_per_s,
                "hops_us": found.hops_us(),
            },
        )


async def saturation(ground: Ground) -> float:
    """Cycles per second of a saturated run, once the pipeline is full; measured once per run."""
    sizes = ground.sizes
    if ground.saturation_per_s is not None:
        return ground.saturation_per_s
    played = await core.saturated(ground, warmup_s=sizes.warmup_s, measured_s=sizes.measured_s)
    core.refuse(played, "saturation")
    if played.completed_per_s <= 0:
        raise NoResult("saturation: no cycle ended within the window")
    ground.tell(f"  saturation of the core path: {played.completed_per_s:.1f} cycles/s")
    ground.saturation_per_s = played.completed_per_s
    return played.completed_per_s


async def isolated(ground: Ground, people: int) -> Isolated:
    """Every hop alone."""
    async with ground.only():
        return await Line(ground, await bank_of_stopped(ground), people).play()


async def bank_of_stopped(ground: Ground) -> Bank:
    """A logged-in bank although payments is down: it is up for as long as that takes."""
    await ground.estate.restart("payments-api")
    try:
        bank = await bank_of(ground)
        await bank.log_in()
        return bank
    finally:
        await ground.estate.stop("payments-api")


def growth(played: Played) -> float:
    return cycle_truth.backlog_growth(played.play, played.truth, rows_per_cycle=EVENTS_PER_CYCLE)


def not_sustained(played: Played, target: float) -> str | None:
    """Why the rate does not count, or None."""
    if played.completed_per_s < MET * target:
        return f"only {played.completed_per_s:.1f} cycles/s ended"
    if (grown := growth(played)) > MOST_GROWTH:
        return f"the backlog grew by {grown:.0f} rows/s"
    if (drain := cycle_truth.drain_s(played.play, played.truth)) > MOST_DRAIN_S:
        return f"{drain:.1f} s until all was through"
    return None
