"""Runs one check in one copy and says which invariants it found violated. A check ends by itself or is ended by its time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.broken.catalogue import Build
from tests.faults.broken.copies import environment


@dataclass(frozen=True)
class Verdict:
    """`violated`: invariants by id. `passed`: the check ended well. `why`: its last lines when it did neither end well nor name an invariant."""

    passed: bool
    violated: tuple[str, ...]
    seconds: float
    why: str = ""


def run(build: Build, copy: Path, *, servers: dict[str, str], within_s: float) -> Verdict:
    """The check of this build in a copy, broken or not. `servers`: where Kafka and PostgreSQL are."""
    with tempfile.TemporaryDirectory(prefix="perisai-check-") as name:
        folder = Path(name)
        argv = _node(build, folder)
        environ = environment(copy, **build.environ, **servers)
        began = time.monotonic()
        code, tail = _within(argv, copy, environ, folder / "output", within_s)
        seconds = time.monotonic() - began
        violated = tuple(sorted(_violated(folder)))
    return Verdict(code == 0, violated, seconds, "" if code == 0 or violated else tail)


def _node(build: Build, folder: Path) -> list[str]:
    options = ["-p", "no:cacheprovider", "-q", "--tb=native", f"--tier={build.tier}", f"--evidence={folder}"]
    return [sys.executable, "-m", "pytest", *options, build.check]


def _within(
    argv: list[str], copy: Path, environ: dict[str, str], output: Path, within_s: float
) -> tuple[int | None, str]:
    """Exit code, None when its time was over, and the last lines it said. It has a group of its own, which ends with it."""
    with output.open("wb") as out:
        process = subprocess.Popen(argv, cwd=copy, env=environ, stdout=out, stderr=out, start_new_session=True)
        try:
            code: int | None = process.wait(within_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            code = None
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    said = output.read_text(errors="replace").splitlines()[-8:]
    return code, "\n".join(["its time was over"] * (code is None) + said)


def _violated(folder: Path) -> Iterable[str]:
    """What the evidence of proofs names."""
    for file in folder.glob("*.json"):
        yield from _broken(json.loads(file.read_text())["invariants"])


def _broken(invariants: list[dict[str, Any]]) -> set[str]:
    return {found["id"] for found in invariants if found["violations"]}
