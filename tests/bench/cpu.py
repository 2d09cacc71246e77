"""CPU seconds (user + system) per process, from /proc: what a cycle costs is what all its processes burn, servers included.

PostgreSQL is summed over its processes; what ended meanwhile is in its parent's account, so nothing is lost or counted twice.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
OUTSIDE = ("issuer", "bank", "acquirer", "gateway", "generator")
"""Who is not the platform: their CPU is told apart."""


@dataclass(frozen=True)
class Cpu:
    """CPU seconds by process name, since each process began; or, as a difference, what was burnt in between."""

    seconds: Mapping[str, float]

    @classmethod
    def now(cls, pids: Mapping[str, int]) -> Cpu:
        """Of these processes with their children, this one as "generator". A process that is gone has burnt what it had."""
        found = {name: family_seconds(pid) for name, pid in pids.items()}
        return cls({**found, "generator": own_seconds(os.getpid())})

    def __sub__(self, earlier: Cpu) -> Cpu:
        """What was burnt since; a process that was started in between counts whole."""
        return Cpu({name: max(0.0, s - earlier.seconds.get(name, 0.0)) for name, s in self.seconds.items()})

    def __add__(self, other: Cpu) -> Cpu:
        names = self.seconds.keys() | other.seconds.keys()
        return Cpu({name: self.seconds.get(name, 0.0) + other.seconds.get(name, 0.0) for name in names})

    @property
    def platform_s(self) -> float:
        """All of ours, PostgreSQL and Kafka included."""
        return sum(s for name, s in self.seconds.items() if name not in OUTSIDE)

    @property
    def outside_s(self) -> float:
        """Generator and simulators."""
        return sum(s for name, s in self.seconds.items() if name in OUTSIDE)

    def ms_per(self, items: int) -> dict[str, float]:
        """Milliseconds per item by process; who burnt nothing is left out."""
        return {name: round(1000 * s / items, 5) for name, s in sorted(self.seconds.items()) if items and s > 0}


def own_seconds(pid: int) -> float:
    """User + system of one process, its children not counted; 0 when it is gone."""
    fields = _stat(pid)
    return sum(map(int, fields[11:13])) / TICKS_PER_S if fields else 0.0


def family_seconds(pid: int) -> float:
    """User + system of a process, of its living descendants, and of children that ended and were waited for."""
    fields = _stat(pid)
    if not fields:
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS_PER_S + sum(family_seconds(child) for child in children(pid))


def children(pid: int) -> Collection[int]:
    try:
        lists = [path.read_text(encoding="ascii") for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return []
    return [int(word) for text in lists for word in text.split()]


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat after the name, which may hold blanks and brackets: state is the first."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
