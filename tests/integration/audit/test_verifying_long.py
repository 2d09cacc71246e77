"""A long verification: in several processes, broken off and gone on with, and beside a log that grows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from services.audit.domain.verifying import Part
from services.audit.verification import run
from services.audit.verification.parts import Proven
from services.audit.verification.resuming import OtherFile, Resumable
from services.audit.verification.run import here
from services.audit.verification.workers import WorkerLost, workers
from tests.integration.audit.world import ORIGIN, World, environment

DEEDS = (
    "UPDATE archive SET leaf = leaf || '\\x00'::bytea WHERE place = 3",
    "DELETE FROM archive WHERE place = 300",
    "UPDATE archive SET place = -1 WHERE place = 10",
    "UPDATE archive SET place = 10 WHERE place = 700",
    "UPDATE archive SET place = 700 WHERE place = -1",
    "UPDATE archive SET actor = 'somebody else' WHERE place = 800",
    "UPDATE tiles SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 0 AND number = 2",
)


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """One tile each."""
    monkeypatch.setattr(run, "PART_TILES", 1)


@pytest.mark.usefixtures("small_ranges")
async def test_several_processes_find_what_one_finds(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await w.filled(900)
    for deed in DEEDS:
        await w.tamper(deed)
    for name, value in environment(w).items():
        monkeypatch.setenv(name, value)
    alone = await w.verify()
    async with workers(2) as judge:
        together = await w.verify(by=judge)
    assert together == alone
    assert {finding.place for finding in alone.findings} == {3, 300, 10, 700, 800, 512}


async def test_a_process_that_cannot_do_it_is_said(w: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await w.filled(3)
    for name, value in environment(w).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PERISAI_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    async with workers(1) as judge:
        with pytest.raises(WorkerLost):
            await w.verify(by=judge)


class Asked:
    """Judges, and counts the tiles; breaks off at one of them."""

    def __init__(self, w: World, until: int | None = None) -> None:
        self._by, self._until = here(w.h.app.engine, w.folder, w.settings.shelf), until
        self.tiles: list[int] = []

    async def judge(self, tiles: Sequence[Proven]) -> Part:
        if (number := tiles[0].tile.number) == self._until:
            raise KeyError("broken off")
        self.tiles.append(number)
        return await self._by(tiles)


@pytest.mark.usefixtures("small_ranges")
async def test_what_was_broken_off_goes_on_where_it_was(w: World, tmp_path: Path) -> None:
    await w.filled(900)
    for deed in DEEDS:
        await w.tamper(deed)
    whole, file = await w.verify(), tmp_path / "progress"
    first = Asked(w, until=3)
    with Resumable(file, ORIGIN, first.judge) as judged, pytest.raises(KeyError):
        await w.verify(by=judged.judge, at_once=1)
    assert first.tiles == [0, 1, 2]
    with file.open("ab") as cut_off:
        cut_off.write(b"0123456789abcdef a line that the end of the process cut o")
    second = Asked(w)
    with Resumable(file, ORIGIN, second.judge) as judged:
        assert judged.ranges == 3
        assert await w.verify(by=judged.judge, at_once=1) == whole
    assert second.tiles == [3]


@pytest.mark.usefixtures("small_ranges")
async def test_a_log_that_grew_meanwhile_is_judged_where_it_is_new(w: World, tmp_path: Path) -> None:
    await w.filled(300)
    with Resumable(tmp_path / "progress", ORIGIN, Asked(w).judge) as judged:
        await w.verify(by=judged.judge)
    await w.filled(300)
    again = Asked(w)
    with Resumable(tmp_path / "progress", ORIGIN, again.judge) as judged:
        outcome = await w.verify(by=judged.judge)
    assert (outcome.events, outcome.verified, sorted(again.tiles)) == (600, True, [1, 2])


def test_a_file_that_was_spoilt_is_not_gone_on_from(tmp_path: Path) -> None:
    async def nobody(tiles: Sequence[Proven]) -> Part:
        raise AssertionError

    file = tmp_path / "progress"
    Resumable(file, ORIGIN, nobody).__exit__(None, None, None)
    good = file.read_text()
    for spoilt in (good + f"{'0' * 64} nonsense\n", good + f'{"0" * 64} {{"strays": [[1]]}}\n', "x\n" + good):
        file.write_text(spoilt)
        with pytest.raises(OtherFile):
            Resumable(file, ORIGIN, nobody)
        assert file.read_text() == spoilt


async def test_a_verification_beside_new_arrivals_names_nothing(w: World) -> None:
    """What is archived, signed and published between two of its questions is no deed."""
    done = asyncio.Event()

    async def grow() -> None:
        for _ in range(15):
            await w.filled(20)
        done.set()

    growing = asyncio.create_task(grow())
    while not done.is_set():
        assert (await w.verify()).findings == []
    await growing
    assert (await w.verify()).events == 300
