"""Percentiles come from all samples; merging two measurements merges their samples, never their percentiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MOST_LATENESS_MS = 5.0
ENOUGH = 10_000


@dataclass(frozen=True)
class Latency:
    """Samples in ms, from the scheduled arrival where the loop is open; `offered_per_s` and lateness are None in a closed loop."""

    samples_ms: Sequence[float]
    open_loop: bool
    offered_per_s: float | None = None
    lateness_p99_ms: float | None = None

    @classmethod
    def together(cls, parts: Sequence[Latency]) -> Latency:
        """One distribution of all; lateness is the worst, since a late generator hides what it was late for."""
        late = [part.lateness_p99_ms for part in parts if part.lateness_p99_ms is not None]
        offered = [part.offered_per_s for part in parts if part.offered_per_s is not None]
        return cls(
            [sample for part in parts for sample in part.samples_ms],
            open_loop=all(part.open_loop for part in parts),
            offered_per_s=sum(offered) / len(offered) if offered else None,
            lateness_p99_ms=max(late) if late else None,
        )

    def at(self, pct: float) -> float:
        return percentile(self.samples_ms, pct)

    @property
    def void(self) -> str | None:
        """Why a round with this generator counts for nothing, or None."""
        if self.open_loop and self.lateness_p99_ms is not None and self.lateness_p99_ms > MOST_LATENESS_MS:
            return f"generator late: p99 {self.lateness_p99_ms:.1f} ms"
        return None

    def report(self) -> dict[str, Any]:
        """As `latency_ms` of the report."""
        return {
            **{f"p{name}": round(self.at(pct), 3) for name, pct in (("50", 50), ("95", 95), ("99", 99), ("999", 99.9))},
            "max": round(max(self.samples_ms), 3),
            "samples": len(self.samples_ms),
            "open_loop": self.open_loop,
            "offered_per_s": None if self.offered_per_s is None else round(self.offered_per_s, 3),
            "lateness_p99_ms": None if self.lateness_p99_ms is None else round(self.lateness_p99_ms, 3),
        }


def percentile(samples: Sequence[float], pct: float) -> float:
    """Nearest rank: the smallest sample that at least `pct` per cent of all samples do not exceed."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(pct / 100 * len(ordered)) - 1, 0)]
