"""Whatever happens in whatever order: replayed from the archive, every service comes to what stands live; at the end, and at any moment before."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from chassis import archived
from chassis.archived import BrokenOff, Segment
from chassis.crosscheck import FromArchive, Tally
from chassis.database import steady
from chassis.replay import Outcome, replay
from services.audit.queries.feed import lines
from services.audit.queries.log import size_of
from tests.integration.audit.histories import ACTS, MINUTE, OFTEN, History
from tests.integration.audit.world import World, audited
from tests.integration.erasure.three import three
from tests.support import archive
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(3_600)
EXAMPLES = {"test": 3, "long": 40}
STEPS = st.lists(st.tuples(st.sampled_from([*ACTS, *OFTEN]), st.integers(0, 999)), min_size=10, max_size=40).map(
    lambda steps: [("register", 0), ("register", 1), ("pay", 1), *steps]
)
DERIVED = ("nik_hash",)
"""Made of personal data: gone from every state, once a person is forgotten."""
Rows = dict[str, list[str]]


def test_every_history_is_replayed_to_what_stands_live(
    stack: Stack, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    most = EXAMPLES[pytestconfig.getoption("tier") or "test"]

    @settings(
        max_examples=most,
        deadline=None,
        phases=[Phase.generate],  # a smaller history would take as long again, and its seed says it all
        suppress_health_check=[*HealthCheck],
    )
    @given(STEPS, st.integers(0, 2**32))
    def history(steps: list[tuple[str, int]], seed: int) -> None:
        import asyncio

        asyncio.run(_played(stack, tmp_path, steps, random.Random(seed)))

    history()


async def _played(stack: Stack, folder: Path, steps: Sequence[tuple[str, int]], dice: random.Random) -> None:
    async with three(stack) as all_, audited(stack, folder / str(dice.random())) as w:
        history = History(all_)
        moments: list[tuple[int, datetime, dict[str, Rows]]] = []
        looked_at = {*dice.sample(range(len(steps)), 2)}
        for number, (act, about) in enumerate(steps):
            await history.play(act, about)
            if number in looked_at:
                moments.append((number, all_.clock.wall(), {h.service.name: await _live(h) for h in all_.all}))
            all_.clock.move(MINUTE)
        event(f"{len(history.people)} people, {len(history.agents)} agents, {len(history.erasures)} erasures")
        for h in all_.all:
            await _kept(w, h)
            outcome, log = await replayed(w, h)
            assert (outcome.differences, log.named, log.newer) == ([], [], 0), (h.service.name, steps)
            assert outcome.events == log.log == len(await archive.kept(h))
            await _broken_off(w, h, dice)
            resumed, log = await replayed(w, h)
            assert (resumed.differences, log.named, resumed.events) == ([], [], outcome.events), h.service.name
            for number, then, rows in moments:
                found, log = await replayed(w, h, until=then)
                assert (found.differences, log.named) == ([], []), (h.service.name, number, steps)
                if not any(erased > number for erased in history.erasures):
                    assert await _rebuilt(h) == rows[h.service.name], (h.service.name, number, steps)


async def replayed(
    w: World, h: Harness, *, until: datetime | None = None, only: int | None = None
) -> tuple[Outcome, Tally]:
    """By the service itself, from what audit hands it; `only`: the feed breaks off after so many events."""
    after: list[Any] = []

    async def ready(_: object, mark: Any) -> None:
        after.append(mark)

    async def parts() -> Any:
        (mark,) = after
        async with w.h.app.engine.connect() as conn:
            await steady(conn)
            size, count = await size_of(conn), 0
            segments = [(Segment(0, size), 0)]
            if mark is not None:
                began = Segment.of_json(mark["segment"])
                segments = [(began, mark["lines"]), (Segment(began.end, size), 0)]
            for segment, passed in segments:
                yield [archived.segment(segment, passed)]
                reading = lines(
                    conn,
                    h.service.name,
                    segment,
                    w.settings.shelf,
                    passed=passed,
                    key_by_key=h.service.folds_key_by_key,
                    until=until,
                )
                async for page in reading:
                    yield page if only is None else page[:only]
                    count += len(page)
                    if only is not None:
                        return
            yield [archived.end(count)]

    source = FromArchive(h.service, h.app.engine, archived.batches(parts()), ready=ready, until=until)
    outcome = await replay(h.service, h.app.engine, h.app.vault, h.app.keys, source=source, until=until)
    return outcome, source.tally


async def _broken_off(w: World, h: Harness, dice: random.Random) -> None:
    """Somewhere in the middle."""
    there = len(await archive.kept(h))
    usual, archived.BATCH = archived.BATCH, dice.randint(1, 7)
    try:
        with pytest.raises(BrokenOff):
            await replayed(w, h, only=dice.randint(0, there))
    finally:
        archived.BATCH = usual


async def _kept(w: World, h: Harness) -> None:
    """All of its log, as its relay would have sent it."""
    records = await archive.published(h)
    for start in range(0, len(records), 500):
        await w.keep(*records[start : start + 500])


async def _live(h: Harness) -> Rows:
    return await _state(h, "public")


async def _rebuilt(h: Harness) -> Rows:
    """What the last replay left in the shadow."""
    return await _state(h, "shadow")


async def _state(h: Harness, schema: str) -> Rows:
    """Every row of every table without what is personal."""
    found: Rows = {}
    async with h.app.read() as conn:
        for table in h.service.tables:
            personal = {*h.service.personal.get(table.name, ()), *DERIVED}
            columns = ", ".join(f'"{c.name}"' for c in table.columns if c.name not in personal)
            asked = sa.text(f'SELECT ROW({columns})::text AS row FROM {schema}."{table.name}" ORDER BY 1')
            found[table.name] = [*(await conn.execute(asked)).scalars()]
    return found
