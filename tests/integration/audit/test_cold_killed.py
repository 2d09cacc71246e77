"""`perisai audit cold write` and `cold drop`, killed at each step: a month is there whole or not at all, no leaf is lost, and again finishes it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from tests.integration.audit.cold_months import alone_verified, months, small_files, written
from tests.integration.audit.test_commands import typed
from tests.integration.audit.world import World, environment

__all__ = ["small_files"]
SMALL = "from services.audit.cold import writing; writing.PART_LEAVES = 256; from services.audit.cli import app; app()"
"""The command, with two files for a month of 300 events."""
EVENTS = 300


async def killed_at(w: World, tmp_path: Path, point: str, hit: int, *words: str) -> None:
    log = tmp_path / f"{point}-{hit}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SMALL, "cold", *words, "--month", "2025-09"),
        env={**environment(w), **owner(w), "FAULT_AT": point, "FAULT_HIT": str(hit), "FAULT_LOG": str(log)},
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == -signal.SIGKILL
    assert log.read_text().startswith(f"fired {point} ")


def owner(w: World) -> dict[str, str]:
    return {"PERISAI_OWNER_DATABASE_URL": w.admin_url}


async def in_database(w: World) -> int:
    """Leaves of the month."""
    return int(await w.one("SELECT count(leaf) FROM archive WHERE place < 300"))


async def cold_and_verified(w: World) -> list[str]:
    """The months that are there; whatever is there is what was signed, and nothing else is amiss."""
    told = json.loads((await typed(w, "verify", "--json")).stdout)
    assert told["findings"] == []
    cold: list[str] = told["cold"]
    return cold


@pytest.mark.parametrize(
    ("point", "hit", "there"), [("A6", 1, []), ("A6", 2, []), ("A7", 1, []), ("A8", 1, ["2025-09"])]
)
async def test_a_month_is_written_whole_or_not_at_all_and_again_is_enough(
    w: World, tmp_path: Path, point: str, hit: int, there: list[str]
) -> None:
    """A6: a file is written. A7: all are verified, under another name. A8: the month has its name."""
    await months(w, EVENTS)
    await killed_at(w, tmp_path, point, hit, "write")
    assert await cold_and_verified(w) == there
    assert await in_database(w) == EVENTS
    folder = await written(w)
    assert [path.name for path in folder.parent.iterdir()] == ["2025-09"], "nothing half done is left"
    assert (await alone_verified(folder.parent, w)).exit_code == 0
    assert await cold_and_verified(w) == ["2025-09"]


@pytest.mark.parametrize(
    ("point", "hit", "left"), [("A9", 1, EVENTS), ("A10", 1, EVENTS - 256), ("A9", 2, EVENTS - 256), ("A10", 2, 0)]
)
async def test_a_leaf_leaves_with_its_set_or_stays_and_again_takes_the_rest(
    w: World, tmp_path: Path, point: str, hit: int, left: int
) -> None:
    """A9: a set of leaves is taken out, before COMMIT. A10: after it."""
    await months(w, EVENTS)
    await written(w)
    await killed_at(w, tmp_path, point, hit, "drop")
    assert await in_database(w) == left
    assert await cold_and_verified(w) == ["2025-09"]
    again = await typed(w, "cold", "drop", "--month", "2025-09", "--json", **owner(w))
    assert (again.exit_code, json.loads(again.stdout)["dropped"]) == (0, left), again.output
    assert await in_database(w) == 0
    assert await cold_and_verified(w) == ["2025-09"]
