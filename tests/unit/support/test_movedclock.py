"""A moved clock moves everything that a process of ours dates things with, and nothing that measures how long something takes."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.movedclock import told_by

ASKED = """
import json, time
from tests.support import movedclock
before = time.monotonic()
movedclock.move({seconds})
from chassis.clock import SystemClock
from chassis.ids import new_id
print(json.dumps([SystemClock().wall().isoformat(), time.time(), str(new_id()), str(new_id()), time.monotonic() - before]))
"""


@pytest.mark.parametrize("seconds", [-86_400, 3_600])
def test_wall_time_and_new_ids_are_moved_and_what_only_grows_is_not(seconds: int) -> None:
    asked = [sys.executable, "-c", ASKED.format(seconds=seconds)]
    told = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    wall, epoch, first, second, took = told
    expected = datetime.now(UTC) + timedelta(seconds=seconds)
    moments = [datetime.fromisoformat(wall), datetime.fromtimestamp(epoch, UTC), told_by(first), told_by(second)]
    assert all(abs(moment - expected) < timedelta(seconds=60) for moment in moments)
    assert first < second, "ids still ascend"
    assert 0 <= took < 60
