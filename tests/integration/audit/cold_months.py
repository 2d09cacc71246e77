"""Months of an archive, written as files, and verified where there is nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from contracts.values import ContributionMonth
from services.audit.cold import writing
from tests.integration.audit.test_commands import typed
from tests.integration.audit.world import World

SEPTEMBER, OCTOBER = ContributionMonth(2025, 9), ContributionMonth(2025, 10)
FIRST, SECOND = "000000000000.parquet", "000000000256.parquet"
"""Of September, when it has 300 events."""


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files for a month of 300 events."""
    monkeypatch.setattr(writing, "PART_LEAVES", 256)


async def months(w: World, *sizes: int | Sequence[int]) -> None:
    """From September on, so many events a month, or so many under each of its checkpoints, and one more in the month after."""
    for number, size in enumerate((*sizes, 1)):
        at = (SEPTEMBER + number).starts_at + timedelta(days=3)
        w.h.clock.move(at - w.h.clock.wall())
        await w.filled(*([size] if isinstance(size, int) else size))


async def asked(w: World, month: ContributionMonth = SEPTEMBER, *more: str) -> Result:
    return await typed(w, "cold", "write", "--month", str(month), *more)


async def written(w: World, month: ContributionMonth = SEPTEMBER) -> Path:
    """The month's folder."""
    told = await asked(w, month, "--json")
    assert told.exit_code == 0, told.output
    return Path(json.loads(told.stdout)["folder"])


async def alone_verified(folder: Path, w: World, *more: str) -> Result:
    """Where there is no database and no setting."""
    return await typed(
        w,
        *("verify", "--from-cold", str(folder), "--key", str(w.settings.public_key), *more),
        PERISAI_DATABASE_URL="",
        PERISAI_AUDIT_SIGNING_KEY="",
    )
