"""Crash points M1 to M4: a worker is killed (SIGKILL) and the next one ends the import as if nothing had happened."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.integration.registration.files import row, seen, table, upload, worker
from tests.integration.registration.world import World

ROOT = Path(__file__).parents[3]


async def killed(world: World, point: str, hit: int) -> int:
    """The exit code of a worker process that dies at this point."""
    program = [sys.executable, "-m", "tests.integration.registration.crashing", world.h.app.settings.database_url, "4"]
    environment = {**os.environ, "FAULT_AT": point, "FAULT_HIT": str(hit), "FAULT_ACTION": "kill"}
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, env=environment)
    return await process.wait()


@pytest.mark.parametrize(
    ("point", "hit", "line"),
    [
        ("M1", 1, 0),
        ("before_commit:ImportingRows", 2, 5),
        ("M3", 2, 9),
        ("M4", 1, 13),
    ],
    ids=["M1-stored", "M2-before-commit", "M3-chunk-committed", "M4-last-chunk-committed"],
)
async def test_a_killed_worker_leaves_an_import_that_the_next_one_ends(
    world: World, point: str, hit: int, line: int
) -> None:
    content = table(*(row(nik="1") if n % 5 == 4 else row() for n in range(12)))
    import_id = (await upload(world, content)).json()["import_id"]
    assert await killed(world, point, hit) == -signal.SIGKILL
    left = await seen(world, import_id, world.agent())
    assert (left.summary["status"], left.summary["line"]) == ("RUNNING", line)
    world.h.pass_time(seconds=11)
    assert await worker(world).work(asyncio.Event())
    done = await seen(world, import_id, world.agent())
    assert (done.summary["status"], done.summary["accepted"], done.summary["refused"]) == ("DONE", 10, 2)
    assert [one["line"] for one in done.rows] == list(range(2, 14))
    assert len({one["contribution_code"] for one in done.rows if one["contribution_code"]}) == 10
    assert (await world.h.replay()).equal
    events = await world.h.events("participants")
    assert sum(one.envelope.type == "ParticipantRegistered" for one in events) == 1 + 10
