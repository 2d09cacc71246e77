"""The outreach day exactly as `make demo` plays it: a process of its own, a throw-away folder, a report that adds up, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from deploy.local import places

pytestmark = [pytest.mark.system, pytest.mark.timeout(400)]


async def test_demo_reports_a_day_that_adds_up(tmp_path: Path) -> None:
    report = tmp_path / "demo.json"
    environ = {name: value for name, value in os.environ.items() if name not in ("KAFKA_BOOTSTRAP", "DATABASE_URL")}
    demo = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "deploy.local",
        "demo",
        "--report",
        str(report),
        cwd=places.PROJECT,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await demo.communicate()
    assert demo.returncode == 0, told.decode()[-3000:]
    found = json.loads(report.read_text())
    # the official simulation, domain case C1: fifty people, three programmes, lowest band, 36,800 each
    assert found["ledger"] == {"imbalance": 0, "contributions": 1_840_000, "suspense": 0}
    assert [found[name] for name in ("registered", "billed", "paid", "protected")] == [50, 50, 50, 50]
    assert found["by_qr"] == [{"partner": "demo-qris", "channel": "qris-mpm", "amount": 36_800}]
    assert found["notifications"] == {"queued": 100, "sent": 100, "delivered": 100, "failed": 0}
    assert [found[name] for name in ("unpublished", "parked", "dead_letters")] == [0, 0, 0]
    assert found["incentive"] == {"agent": 1_026_000, "wadah": 102_600}
    assert found["reconciled"] == {
        "day": "2025-10-06",
        "lines": {"matched": 48, "missing_here": 1},
        "status": "SETTLED",
        "received": 1_803_200,
    }
    assert (found["astray"]["reason"], found["astray"]["outcome"]) == ("unknown_code", "matched")
    assert found["astray"]["proposed_by"] != found["astray"]["approved_by"]
    assert len(found["refused"]) >= 10 and found["events"] > 400
    assert found["audit"] == {
        "archived": found["events"],
        "verified": True,
        "proof_checked": True,
        "replay_equal": dict.fromkeys(("registration", "payments", "notifications", "audit"), True),
    }
    assert (found["on_topics"], found["strangers"]) == (found["events"], 0)
    assert set(found["stack"]) == {"kafka", "postgres", "python"}
    assert set(found["seconds"]) == {"setup", "start", "play"}
