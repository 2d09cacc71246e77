"""Time that the hypervisor gave to others while it was ours: a rate measured meanwhile says nothing about us."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FIELDS = 8  # user nice system idle iowait irq softirq steal; guest time is inside of user
STEAL = 7


@dataclass(frozen=True)
class Steal:
    """Ticks of all cores since boot, as of the moment it was read."""

    total: int
    stolen: int

    @classmethod
    def now(cls) -> Steal:
        return cls.of(Path("/proc/stat").read_text(encoding="ascii"))

    @classmethod
    def of(cls, text: str) -> Steal:
        """From the first line of /proc/stat."""
        ticks = [int(word) for word in text.split("\n", 1)[0].split()[1 : FIELDS + 1]]
        return cls(sum(ticks), ticks[STEAL] if len(ticks) > STEAL else 0)

    def pct_until(self, later: Steal) -> float:
        """Stolen part of all time in between, in per cent."""
        total = later.total - self.total
        return 100 * (later.stolen - self.stolen) / total if total > 0 else 0.0

    def pct_until_now(self) -> float:
        return self.pct_until(Steal.now())
