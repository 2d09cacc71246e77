"""A bank's bad day as `make bad-day` plays it, with a few hundred payments: its own books, our ledger and the reconciliation agree at the end."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from deploy.local import places
from deploy.local.bank.mishaps import MISHAPS

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]
PAYMENTS = 200


async def test_after_a_bad_day_three_books_agree_and_every_rupiah_is_accounted_for(tmp_path: Path) -> None:
    report = tmp_path / "bad-day.json"
    asked = ["bad-day", "--payments", str(PAYMENTS), "--seed", "11", "--report", str(report)]
    played = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.local",
        *asked,
        cwd=places.PROJECT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await played.communicate()
    assert played.returncode == 0, told.decode()[-3000:]
    found = json.loads(report.read_text())
    assert found["differences"] == []
    assert found["mishaps"].keys() >= {one.name for one in MISHAPS}
    lines = found["reconciliation"]
    assert lines["first"].keys() == {
        "matched",
        "missing_here",
        "missing_at_bank",
        "amount_differs",
        "duplicate",
        "unreadable",
    }
    assert lines["corrected"] == {"matched": found["bank"]["day_count"]}
    assert (lines["day"]["status"], lines["day"]["gap"], lines["day"]["open_cases"]) == ("SETTLED", 0, 0)
    assert found["ledger"]["suspense"] == found["bank"]["astray_rupiah"] > 0
    assert found["contradicted"].keys() <= {"4042512", "4042513"}, "no contradiction is taken for money"
