"""The deterministic counters: every test that compares a count with its ceiling, run once, as a table of value against ceiling.

A ceiling that nothing measured is a failure too: a counter that stopped counting would otherwise look like a good one.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deploy.local.places import PROJECT
from tests.support.counters import NOTES, ceilings

USES = "tests.support.counters"
SELF_TESTS = "TestTheCountersThemselves"
"""They compare made-up counts, to see a count above its ceiling fail."""
NO_TESTS_FAILED, TESTS_FAILED = 0, 1


class NotCounted(RuntimeError):
    """The tests could not be run, so nothing is known."""


def tests() -> list[str]:
    """Node ids of every test that compares a count, found by what it calls: itself or through a helper of its file."""
    found: list[str] = []
    for path in sorted((PROJECT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if USES in text:
            place = str(path.relative_to(PROJECT))
            found += [f"{place}::{name}" for name in counting(ast.parse(text)) if SELF_TESTS not in name]
    return found


def counting(module: ast.Module) -> list[str]:
    """`Class::test` or `test` of each test in which `holds` is called, directly or by a function of the module."""
    functions = dict(_functions(module, ""))
    calls = {name: _called(node) for name, node in functions.items()}
    counts = {"holds"}
    while True:
        more = {name.rpartition("::")[2] for name, called in calls.items() if called & counts}
        if more <= counts:
            return [
                name
                for name, called in calls.items()
                if called & counts and name.rpartition("::")[2].startswith("test_")
            ]
        counts |= more


def _functions(node: ast.AST, before: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{before}{child.name}::")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield before + child.name, child


def _called(node: ast.AST) -> set[str]:
    calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
    return {f.id if isinstance(f, ast.Name) else f.attr for f in calls if isinstance(f, ast.Name | ast.Attribute)}


def measure() -> list[dict[str, Any]]:
    """One entry per ceiling, as `counters` of the report has it. Runs pytest on real servers; its failures are shown."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Path(folder) / "counts.jsonl"
        notes.touch()
        code = _pytest({NOTES: str(notes)})
        lines = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
    if code not in (NO_TESTS_FAILED, TESTS_FAILED) or not lines:
        raise NotCounted(f"pytest ended with {code} and {len(lines)} counts")
    found = entries(lines, ceilings())
    if code == TESTS_FAILED and all(entry["status"] == "pass" for entry in found):
        raise NotCounted("a test of the counters failed for another reason than a count")
    return found


def _pytest(more: Mapping[str, str]) -> int:
    argv = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"]
    done = subprocess.run([*argv, *tests()], cwd=PROJECT, env={**os.environ, **more}, check=False)
    return done.returncode


def entries(lines: Iterable[Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Per ceiling the highest count seen; one that nobody counted (None) fails."""
    highest: dict[str, int] = {}
    for line in lines:
        highest[line["name"]] = max(highest.get(line["name"], 0), line["value"])
    return [_entry(name, highest.get(name), int(known[name]["most"])) for name in known]


def _entry(name: str, value: int | None, allowed: int) -> dict[str, Any]:
    fine = value is not None and value <= allowed
    return {"name": name, "value": value, "allowed": allowed, "status": "pass" if fine else "fail"}
