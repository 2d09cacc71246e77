"""What a cell came to, in the form of the report (report.schema.json)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tests.faults.cells import Injected
from tests.faults.watch import AWAY, Sample


@dataclass
class Played:
    """What one act on a ground came to. `payments`: of those who came to the bank, all of them done."""

    injected: Injected
    invariants: list[dict[str, Any]]
    recovery_s: float | None
    per_s: float
    registrations: int
    payments: int
    duration_s: float


@dataclass(frozen=True)
class Fault:
    """What was broken, how and where."""

    id: str
    action: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """One line of the report. `invariants`: as the checker or the proof said; `error`: why it proves nothing."""

    cell: str
    service: str
    process: str
    fault: Fault
    seed: int
    planned: int = 0
    fired: int = 0
    unit: str = "kill"
    registrations: int = 0
    payments: int = 0
    per_s: float = 0.0
    invariants: list[dict[str, Any]] = field(default_factory=list)
    recovery_s: float | None = None
    budget_s: float | None = None
    operator_actions: list[str] = field(default_factory=list)
    duration_s: float = 0.0
    error: str | None = None
    absent: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    replay_with: Mapping[str, object] = field(default_factory=dict)
    """Variables of `make faults` besides the cell and the seed."""
    kept: bool = True
    """Whether a failure leaves artefacts."""

    @property
    def kind(self) -> str:
        return self.cell.partition(".")[0]

    @property
    def status(self) -> str:
        """`absent`, `error` (proves nothing), `fail` (a violation), or `pass`."""
        if self.absent:
            return "absent"
        if any(found["status"] == "fail" for found in self.invariants):
            return "fail"
        if self.error or self.fired != self.planned or not self.planned or not self.invariants:
            return "error"
        if any(found["status"] != "pass" or not found["checked"] for found in self.invariants):
            return "error"
        late = self.recovery_s is not None and self.budget_s is not None and self.recovery_s > self.budget_s
        return "fail" if late else "pass"

    @property
    def why(self) -> str | None:
        """The reason of an error."""
        if self.status != "error":
            return None
        unseen = [f["id"] for f in self.invariants if f["status"] == "not_run" or not f["checked"]]
        if self.error:
            return self.error
        if self.fired != self.planned or not self.planned:
            return f"{self.fired} of {self.planned} planned faults fired"
        return f"nothing was checked for {', '.join(unseen)}" if unseen else "no invariant was checked"

    @property
    def replay(self) -> str:
        more = "".join(f" {name}={value}" for name, value in self.replay_with.items())
        return f"make faults CELL={self.cell} SEED={self.seed}{more}"

    def take(self, played: Played) -> None:
        """What the act came to."""
        self.planned, self.fired, self.unit = played.injected.planned, played.injected.fired, played.injected.unit
        self.operator_actions, self.invariants = played.injected.operator_actions, played.invariants
        self.recovery_s, self.duration_s = played.recovery_s, played.duration_s
        self.per_s, self.registrations, self.payments = played.per_s, played.registrations, played.payments
        self.counts["registrations"] = played.registrations
        self.fault = replace(self.fault, params={**self.fault.params, **played.injected.measured})

    def as_json(self) -> dict[str, Any]:
        """The cell as report.schema.json has it."""
        return {
            "cell": self.cell,
            "kind": self.kind,
            "service": self.service,
            "process": self.process,
            "fault": {**asdict(self.fault), "params": dict(self.fault.params)},
            "seed": self.seed,
            "load": {"registrations": self.registrations, "payments": self.payments, "per_s": self.per_s},
            "injected": {"planned": self.planned, "fired": self.fired, "unit": self.unit},
            "invariants": self.invariants,
            "recovery_s": None if self.recovery_s is None else round(self.recovery_s, 2),
            "recovery_budget_s": self.budget_s,
            "operator_actions": self.operator_actions,
            "duration_s": round(self.duration_s, 1),
            "status": self.status,
            "error": self.absent or self.why,
            "replay": self.replay,
            "artefacts": [f"reports/cells/{self.cell}-{self.seed}/"]
            if self.kept and self.status in ("fail", "error")
            else [],
        }


def recovery(samples: Sequence[Sample], *, ended_at: float, budget_s: float, per_s: float) -> dict[str, Any]:
    """What the checker is told for I11: seconds since the end of the fault, and how the system looked then."""
    after = [(at - ended_at, ready, age, lag) for at, ready, age, lag in samples if at >= ended_at]
    return {
        "ended_at": ended_at,
        "budget_s": budget_s,
        "load_per_s": per_s,
        "samples": [[round(t, 2), int(ready), min(age, AWAY), min(lag, AWAY)] for t, ready, age, lag in after],
    }


def recovered_after(told: Mapping[str, Any]) -> float | None:
    """Seconds until it was well to stay; None when it never was."""
    well_since: float | None = None
    for at, ready, age, lag in told["samples"]:
        well = bool(ready) and age <= 1 and lag <= max(told["load_per_s"], 1)
        well_since = (well_since if well_since is not None else at) if well else None
    return well_since


def now() -> float:
    """Monotonic seconds, as samples and deaths are dated."""
    return time.monotonic()
