"""B6: how long from a registration's scheduled arrival until the commit of its bill, at half of what the whole path takes.

Open loop: arrivals are fixed beforehand and none waits for an earlier one. Numerator and denominator, p99 and p50, are of the same
samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.bench import core
from tests.bench.b7_whole_path import saturation
from tests.bench.core import Played
from tests.bench.ground import Ground
from tests.bench.latency import ENOUGH, Latency
from tests.bench.report import Findings
from tests.bench.rounds import Figures, Limit, Result, Side, Spec, paired

SHARE, OTHER_SHARES = 0.5, {"at_10_pct": 0.1, "at_80_pct": 0.8}
LONGEST_S = 150.0

SPEC = Spec(
    "B6", "registration to bill", "", passes=5, world_class=3, better="lower", limits=[Limit("p99_ms", 500, 250)]
)


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    spec = replace(SPEC, broker=ground.broker)
    await core.no_receipts(ground)
    latency = LatencyOf(ground, await saturation(ground))
    return [await paired(spec.quick() if ground.quick else spec, latency.round, tell=ground.tell)]


@dataclass
class LatencyOf:
    """One round is one play; the first round also looks at other loads."""

    ground: Ground
    saturation: float

    async def round(self, number: int) -> tuple[Side, Side]:
        played = await self._play(SHARE, self._seconds(), number)
        latency = played.latency(played.truth.billed)
        more = await self._other_loads() if number == 1 else {}
        return self._side(played, latency, latency.at(99), "ms p99", more), self._side(
            played, latency, latency.at(50), "ms p50", {}
        )

    def _seconds(self) -> float:
        """Long enough for 10,000 samples in three rounds, within reason."""
        sizes = self.ground.sizes
        needed = 0 if self.ground.quick else ENOUGH / 3 / (SHARE * self.saturation)
        return min(max(sizes.long_s, needed), LONGEST_S)

    async def _play(self, share: float, seconds: float, number: int) -> Played:
        played = await core.paced(
            self.ground,
            share * self.saturation,
            warmup_s=self.ground.sizes.warmup_s,
            measured_s=seconds,
            seed=self.ground.seed + number,
        )
        core.refuse(played, "B6")
        return played

    async def _other_loads(self) -> Figures:
        found: dict[str, float] = {"saturation_per_s": self.saturation}
        for name, share in OTHER_SHARES.items():
            played = await self._play(share, self.ground.sizes.long_s / 2, 100)
            found |= both(f"{name}_bill_ms", played.latency(played.truth.billed))
        return found

    def _side(self, played: Played, latency: Latency, value: float, what: str, more: Figures) -> Side:
        truth, play, sizes = played.truth, played.play, self.ground.sizes
        http = played.latency(play.registered)
        protected = played.latency(truth.protected, play.paid)
        return Side(
            value=value,
            what=f"{what} of registration to bill",
            items=len(latency.samples_ms),
            warmup_s=sizes.warmup_s,
            measured_s=played.seconds,
            checks=played.checks,
            void=latency.void,
            latency=latency,
            limits={"p99_ms": latency.at(99)},
            alongside={
                **both("http_ms", http),
                "http_ms_p999": http.at(99.9),
                **both("welcome_accepted_ms", played.latency(truth.welcomed)),
                **both("paid_to_protected_ms", protected),
                "offered_per_s": play.offered_per_s,
                **played.spent.alongside(played.cycles),
                **more,
            },
        )


def both(name: str, latency: Latency) -> dict[str, float]:
    """p50 and p99 under this name."""
    return {f"{name}_p50": latency.at(50), f"{name}_p99": latency.at(99)}
