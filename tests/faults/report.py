"""The report of a run: `reports/faults-<run_id>.json` as report.schema.json has it, and the verdict that the exit code tells."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]

from chassis.ids import new_id
from deploy.local import places
from tests.faults.results import Result

SCHEMA = Path(__file__).with_name("report.schema.json")
LIBRARIES = ("aiokafka", "asyncpg", "faststream", "sqlalchemy", "pydantic")
_LOST, _DOUBLED = ("I1", "I2", "I3"), ("I3", "I4")


@dataclass
class Run:
    """What was asked for, and what it came to."""

    tier: str
    seed: int
    brokers: int = 1
    """The most that any ground had."""
    standby: str = "none"
    """What followed PostgreSQL in any cell."""
    stack: Mapping[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    broken: list[dict[str, Any]] = field(default_factory=list)
    run_id: str = field(default_factory=lambda: str(new_id()))
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def verdict(self) -> str:
        """`fail` outranks `error`: a violation is the worse news."""
        if self._count("fail") or any(one["status"] == "fail" for one in self.broken):
            return "fail"
        return "error" if self._count("error") or not self.results + self.broken else "pass"

    @property
    def exit_code(self) -> int:
        return {"pass": 0, "fail": 1, "error": 2}[self.verdict]

    def _count(self, status: str) -> int:
        return sum(result.status == status for result in self.results)

    def totals(self) -> dict[str, int]:
        absent = self._count("absent")
        found = {"passed": self._count("pass"), "failed": self._count("fail"), "error": self._count("error")}
        return {"planned": len(self.results), "run": len(self.results) - absent, **found, "absent": absent}

    def counts(self) -> dict[str, int]:
        """Sums over all cells; `lost` and `doubled` are violations of the invariants that forbid them."""
        names = ("kills", "registrations", "forged_accepted", "forged_sent", "tampered", "tampered_named")
        found = {name: sum(result.counts.get(name, 0) for result in self.results) for name in names}
        return found | {"lost": self._violations(_LOST), "doubled": self._violations(_DOUBLED)}

    def _violations(self, invariants: Sequence[str]) -> int:
        return sum(one["violations"] for result in self.results for one in result.invariants if one["id"] in invariants)

    def as_json(self) -> dict[str, Any]:
        return {
            "schema": "perisai.faults/1",
            "run_id": self.run_id,
            "tier": self.tier,
            "seed": self.seed,
            "started_at": self.started_at.isoformat(),
            "finished_at": datetime.now(UTC).isoformat(),
            "source": source(),
            "host": host(),
            "stack": self._stack(),
            "cells": [result.as_json() for result in self.results],
            "counts": self.counts(),
            "broken_builds": self.broken,
            "totals": self.totals(),
            "verdict": self.verdict,
        }

    def _stack(self) -> dict[str, Any]:
        replicas = min(3, self.brokers)
        return {
            "python": platform.python_version(),
            "postgres": {
                "version": self.stack.get("postgres", "none was needed"),
                "fsync": self.stack.get("fsync", "on"),
                "synchronous_commit": self.stack.get("synchronous_commit", "on"),
                "standby": self.standby,
            },
            "kafka": {
                "version": self.stack.get("kafka", "none was needed"),
                "brokers": self.brokers,
                "replication_factor": replicas,
                "min_insync_replicas": max(1, replicas - 1),
                "flush": "page-cache",
            },
            "libraries": {name: version(name) for name in LIBRARIES},
        }

    def write(self, path: Path | None) -> Path:
        """Writes the report, after checking it against its schema."""
        found = self.as_json()
        jsonschema.validate(found, json.loads(SCHEMA.read_text()))
        path = path or places.PROJECT / "reports" / f"faults-{self.run_id}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
        return path


def source() -> dict[str, Any]:
    """The commit that ran, and whether the tree differed from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-c", "safe.directory=*", *arguments]
        return subprocess.run(command, cwd=places.PROJECT, capture_output=True, text=True, check=False).stdout.strip()

    return {"commit": git("rev-parse", "HEAD") or "0" * 40, "dirty": bool(git("status", "--porcelain"))}


def host() -> dict[str, Any]:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cores": os.cpu_count() or 1, "memory_mib": pages >> 20, "os": f"{platform.system()} {platform.release()}"}
