"""Grounds on demand: one is used for many cells, and thrown away when a cell on it did not pass, so that no cell pays for another."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import asyncpg

from deploy.local import places
from tests.faults.ground import Ground, open_ground
from tests.faults.spent import spending
from tests.support.stack import open_folder

MOST_PEOPLE = 1_500
"""On one estate: a verdict looks at everything that is there, so twenty of them cost more than opening a new one."""


STANDBYS = ("none", "sync", "async")


class Grounds:
    """`stack` holds what the last ground was made of, for the report. `kept`: where a failing cell's evidence goes."""

    def __init__(self, *, seed: int, tier: str, tell: Callable[[str], None]) -> None:
        self._seed, self._tier, self._tell = seed, tier, tell
        self._open: AsyncExitStack | None = None
        self.most_brokers = 1
        """Of any ground so far."""
        self.standby = "none"
        """The weakest that followed PostgreSQL in any cell so far."""
        self._ground: Ground | None = None
        self._brokers = 0
        self._number = 0
        self.stack: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def get(self, *, brokers: int = 1) -> Ground:
        """The ground in use, or a new one when it is full, spoilt or of another size."""
        ground = self._ground
        if (
            ground is not None
            and brokers == self._brokers
            and not ground.spent
            and len(ground.driver.people) < MOST_PEOPLE
        ):
            return ground
        await self.leave()
        self._tell(f"opening an estate with {brokers} broker{'s' * (brokers > 1)}: a process per role, history played")
        self._number += 1
        opened = AsyncExitStack()
        folder = opened.enter_context(open_folder())
        journal = opened.enter_context(open_folder()) / "journal.jsonl"
        seed = self._seed + 1_000 * (self._number - 1)
        with spending("opening estates"):
            self._ground = await opened.enter_async_context(
                open_ground(folder, journal, seed=seed, tier=self._tier, brokers=brokers)
            )
        self._open, self._brokers, self.most_brokers = opened, brokers, max(self.most_brokers, brokers)
        self.stack = await _made_of(self._ground)
        return self._ground

    def followed_by(self, standby: str) -> None:
        """A cell had this standby (`none`, `sync`, `async`)."""
        self.standby = max(self.standby, standby, key=STANDBYS.index)

    async def leave(self) -> None:
        """Ends the ground in use; the next cell gets a new one."""
        opened, self._open, self._ground = self._open, None, None
        if opened is not None:
            with spending("leaving estates"):
                await opened.aclose()

    def keep(self, cell: str) -> None:
        """Copies logs and verdicts of a cell that did not pass to reports/cells."""
        if self._ground is None:
            return
        target = places.PROJECT / "reports" / "cells" / f"{cell}-{self._ground.seed}"
        for name in ("logs", "cells"):
            _copy(self._ground.folder / name, target / name)


def _copy(source: Path, target: Path) -> None:
    for file in source.rglob("*") if source.exists() else ():
        if file.is_file() and file.name != "facts.json":  # facts hold keys
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())


async def _made_of(ground: Ground) -> dict[str, str]:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(ground.estate.stack.postgres.admin_url)
    try:
        settings = {name: str(await connection.fetchval(f"SHOW {name}")) for name in ("fsync", "synchronous_commit")}
    finally:
        await connection.close()
    return ground.estate.stack.names() | settings
