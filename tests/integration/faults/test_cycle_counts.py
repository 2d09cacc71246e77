"""What one person costs in events, from the form to the second message (benchmarks.md section 6): every log together, without delivery receipts
and without the bank's inquiry, which is on record and which the model's bank does not make.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.core import EVENTS_PER_CYCLE
from tests.integration.faults.small_run import SERVICES, small_run
from tests.support.counters import holds
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(600)

ABOUT = (
    "SELECT type FROM event_log WHERE (key = $1 OR convert_from(payload, 'UTF8') LIKE '%' || $1 || '%')"
    " AND type <> 'PersonalDataRead' ORDER BY position"
)


async def test_a_person_who_registers_and_pays_is_so_many_events(stack: Stack, tmp_path: Path) -> None:
    async with small_run(stack, tmp_path, people=4) as run:
        for person, _ in run.people[1:-1]:
            found = [row["type"] for name in SERVICES for row in await run.sql(name, ABOUT, person)]
            holds("core.cycle.events", len(found))
            assert len(found) == EVENTS_PER_CYCLE, (
                f"EVENTS_PER_CYCLE is what the model counts with, and these are {found}"
            )
