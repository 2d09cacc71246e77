"""Cells that are proved by pytest: stories, threats, bad input, models. One run of pytest, one result per cell."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local import places
from tests.faults.results import Fault, Result


@dataclass(frozen=True)
class Proved:
    """A result per cell, and the tests that passed by their nodes: with whole evidence, of this tree, in this tier."""

    results: list[Result]
    passed: frozenset[str]


FOLDERS = ("stories", "models", "threats", "inputs")
UNIT = "run"
SLOWEST = 12
"""So many are named, for whoever wonders where the minutes go; without the time of their fixtures."""


async def play_proofs(*, tier: str, seed: int, cell: str | None, workers: int, tell: Callable[[str], None]) -> Proved:
    """Runs the proofs of a tier, or of one cell. A proof that left no evidence, and a run that broke, is an error."""
    with tempfile.TemporaryDirectory(prefix="perisai-evidence-") as folder:
        argv = [sys.executable, "-m", "pytest", "-q", *(f"tests/faults/{name}" for name in FOLDERS)]
        argv += ["--tier", tier, "--seed", str(seed), "--evidence", folder, "-p", "no:cacheprovider"]
        argv += ["--cell", cell] if cell else ["-n", str(workers), "--dist", "worksteal"]
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=places.PROJECT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert process.stdout is not None
        said: list[str] = []
        async for line in process.stdout:
            said.append(line.decode("utf-8", "replace").rstrip())
            if said[-1].startswith(("FAILED", "ERROR", "stack used")) or " passed" in said[-1]:
                tell(said[-1])
        code = await process.wait()
        found = [json.loads(file.read_text()) for file in sorted(Path(folder).glob("*.json"))]
    for one in sorted(found, key=lambda one: -one["seconds"])[:SLOWEST]:
        tell(f"{one['seconds']:6.1f} s  {one['test'].rpartition('/')[2]}")
    results = merged(found, seed, {"TIER": "long"} if tier == "long" else {})
    failed = any(result.status != "pass" for result in results)
    if code not in (0, 1) or (code == 1 and not failed) or not results:
        results.append(_broke(said, code, seed))
    return Proved(results, passed(found))


def passed(found: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Nodes of the tests that passed and left whole evidence."""
    return frozenset(one["test"] for one in found if one["outcome"] == "passed")


def merged(found: Sequence[dict[str, Any]], seed: int, asked: Mapping[str, object] | None = None) -> list[Result]:
    """One result per cell out of the evidence of its tests. `asked`: what a replay must be told."""
    by_cell: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        by_cell.setdefault(one["cell"], []).append(one)
    return [_merge(cell, parts, seed, asked or {}) for cell, parts in sorted(by_cell.items())]


def _merge(cell: str, parts: Sequence[dict[str, Any]], seed: int, asked: Mapping[str, object]) -> Result:
    first = parts[0]
    result = Result(cell, first["service"], "pytest", Fault(first["fault"], "break", first["service"]), seed)
    result.replay_with, result.kept = asked, False
    result.unit = next((part["unit"] for part in parts if part["unit"]), UNIT)
    held: dict[str, dict[str, Any]] = {}
    for part in parts:
        result.planned += part["planned"]
        result.fired += part["happened"]
        result.duration_s += part["seconds"]
        for name, number in part["counts"].items():
            result.counts[name] = result.counts.get(name, 0) + number
        for one in part["invariants"]:
            _add(held, one)
        if part["recovery_s"] is not None:
            result.recovery_s, result.budget_s = part["recovery_s"], part["budget_s"]
        if part["outcome"] != "passed":
            result.error = result.error or f"{part['test'].rpartition('::')[2]}: {part['error']}"
    result.invariants = [held[name] for name in sorted(held, key=lambda name: (len(name), name))]
    return result


def _add(held: dict[str, dict[str, Any]], one: dict[str, Any]) -> None:
    known = held.setdefault(one["id"], {"id": one["id"], "status": "pass", "checked": 0, "violations": 0, "first": []})
    known["checked"] += one["checked"]
    known["violations"] += one["violations"]
    known["first"] = [*known["first"], *one["first"]][:5]
    if known["violations"]:
        known["status"] = "fail"


def _broke(said: Sequence[str], code: int, seed: int) -> Result:
    result = Result("story.run", "all", "pytest", Fault("pytest", "run", "all"), seed)
    result.kept = False
    result.error = f"pytest ended with {code}: {' | '.join(said[-4:])}"[:900]
    return result
