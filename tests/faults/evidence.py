"""What a proof saw. A cell whose fault did not fire, or which checked nothing, is an error and never a pass.

@pytest.mark.cell("story.S8", fault="S8", service="chassis")
async def test_…(stack: Stack, evidence: Evidence, scale: Scale) -> None:
    evidence.fired(3, of=3, unit="run")
    evidence.holds("I2", checked=6_400, violations=[])
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

MOST_NAMED = 5
T = TypeVar("T")

Violation = Mapping[str, str]
"""{"where", "key", "expected", "actual"}; ids and hashes only, never personal data."""


class Scale(Protocol):
    def __call__(self, *, test: T, long: T) -> T:
        """The size that this tier asks for."""


@dataclass(frozen=True)
class Held:
    """One invariant as it was found. `checked`: how many things were looked at."""

    id: str
    checked: int
    violations: int
    first: Sequence[Violation]


@dataclass
class Evidence:
    """Collected by one test of a cell; written down when the test ends, whatever its end."""

    cell: str
    fault: str
    service: str
    tier: str
    seed: int
    planned: int = 0
    happened: int = 0
    unit: str = ""
    invariants: list[Held] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    recovery_s: float | None = None
    budget_s: float | None = None

    def fired(self, number: int, *, of: int, unit: str) -> None:
        """So many of the planned faults happened; `unit` as in the report's schema (kill, record, request, edit, run …)."""
        self.planned, self.happened, self.unit = self.planned + of, self.happened + number, unit

    def holds(self, invariant: str, *, checked: int, violations: Sequence[Violation] = ()) -> None:
        """Writes the invariant down, and fails the test when it does not hold or nothing was looked at."""
        self.invariants.append(Held(invariant, checked, len(violations), [*violations[:MOST_NAMED]]))
        assert checked > 0, f"{self.cell}: {invariant} looked at nothing"
        assert not violations, f"{self.cell}: {invariant} is violated {len(violations)} times, first {violations[0]}"

    def count(self, **numbers: int) -> None:
        """For the report's counts; the same name adds up."""
        for name, number in numbers.items():
            self.counts[name] = self.counts.get(name, 0) + number

    def recovered(self, seconds: float, *, budget_s: float) -> None:
        """How long after the end of the fault everything was well again; part of I11."""
        self.recovery_s, self.budget_s = seconds, budget_s
        late = [{"where": self.cell, "key": "", "expected": f"≤ {budget_s:g} s", "actual": f"{seconds:.1f} s"}]
        self.holds("I11", checked=1, violations=late if seconds > budget_s else [])

    def complete(self) -> str | None:
        """None, or why this proves nothing."""
        if self.planned == 0 or self.happened != self.planned:
            return f"{self.cell}: {self.happened} of {self.planned} planned faults fired"
        return None if self.invariants else f"{self.cell}: no invariant was looked at"

    def write(self, folder: Path, *, test: str, outcome: str, seconds: float, error: str | None) -> None:
        """One JSON file per test, for the runner."""
        found: dict[str, Any] = asdict(self) | {"test": test, "outcome": outcome, "seconds": seconds, "error": error}
        name = "".join(c if c.isalnum() or c in ".-_" else "_" for c in f"{self.cell}-{test.rpartition('::')[2]}")
        (folder / f"{name}.json").write_text(json.dumps(found))
