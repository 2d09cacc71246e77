"""The fault harness itself, in every test run: one packed round of crashes and a few random kills, judged by the independent checker."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from deploy.local import places

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]
PATIENCE = "5"
"""Other tests run beside it: its budgets are not those of a machine of its own. `make faults` holds the real ones."""


async def test_processes_killed_in_mid_step_lose_and_double_nothing(tmp_path: Path) -> None:
    report = tmp_path / "faults.json"
    environ = {name: value for name, value in os.environ.items() if name not in ("KAFKA_BOOTSTRAP", "DATABASE_URL")}
    command = ["-m", "tests.faults", "--parts", "smoke", "--patience", PATIENCE, "--report", str(report)]
    run = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=places.PROJECT,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await run.communicate()
    assert run.returncode == 0, told.decode()[-4000:]
    found = json.loads(report.read_text())
    assert found["verdict"] == "pass"
    assert {cell["injected"]["fired"] == cell["injected"]["planned"] > 0 for cell in found["cells"]} == {True}
    assert found["counts"]["kills"] >= 10
    assert (found["counts"]["lost"], found["counts"]["doubled"]) == (0, 0)
