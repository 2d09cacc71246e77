"""Replay finds every planted difference by table, key and column, and nothing else, also while live traffic goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.comparing import Difference
from chassis.ids import new_id
from chassis.privacy.vault import Vault
from chassis.replay import ReplayRunning, replay
from chassis.transaction import Projection, Recorded
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, Counted, count, counters, notes, projection, toy


async def planted(h: Harness, change: sa.Executable) -> list[Difference]:
    """What replay finds once this was done to the state behind the log's back."""
    async with h.app.engine.begin() as conn:
        await conn.execute(change)
    return (await h.replay()).differences


async def filled(h: Harness) -> list[UUID]:
    ids = [new_id() for _ in range(20)]
    await h.run(count, [Add(key, n, note="private" if n % 2 else None) for n, key in enumerate(ids)])
    assert (await h.replay()).equal
    return ids


class TestPlantedDifferences:
    async def test_changed_cell(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            ids = await filled(h)
            change = sa.update(counters).where(counters.c.id == ids[3]).values(total=4)
            assert await planted(h, change) == [Difference("counters", str(ids[3]), "total", "differs")]

    async def test_encrypted_cell_with_another_text(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            ids = await filled(h)
            box = h.app.vault.seal("notes", "text", ids[3], "another")
            change = sa.update(notes).where(notes.c.id == ids[3]).values(text=box)
            assert await planted(h, change) == [Difference("notes", str(ids[3]), "text", "differs")]

    @pytest.mark.parametrize("box", [b"\x01 no box of ours", b"", None])
    async def test_encrypted_cell_that_no_longer_opens(self, stack: Stack, box: bytes | None) -> None:
        async with toy(COUNTING, stack) as h:
            ids = await filled(h)
            change = sa.update(notes).where(notes.c.id == ids[3]).values(text=box)
            assert await planted(h, change) == [Difference("notes", str(ids[3]), "text", "differs")]

    async def test_encrypted_cell_moved_from_another_row(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            ids = await filled(h)
            other = sa.select(notes.c.text).where(notes.c.id == ids[5]).scalar_subquery()
            change = sa.update(notes).where(notes.c.id == ids[3]).values(text=other)
            assert await planted(h, change) == [Difference("notes", str(ids[3]), "text", "differs")]

    async def test_missing_row(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            ids = await filled(h)
            change = sa.delete(counters).where(counters.c.id == ids[3])
            assert await planted(h, change) == [Difference("counters", str(ids[3]), None, "only_replay")]

    async def test_extra_row(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            await filled(h)
            extra = new_id()
            change = sa.insert(counters).values(id=extra, total=1, events=1)
            assert await planted(h, change) == [Difference("counters", str(extra), None, "only_live")]


async def test_projection_that_skips_an_event_is_found(stack: Stack) -> None:
    def skipping(vault: Vault) -> Projection:
        whole = projection(vault)

        async def project(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
            await whole(conn, [e for e in events if isinstance(e.event, Counted) and e.event.by != 13])

        return project

    async with toy(replace(COUNTING, projection=skipping), stack) as h:
        one, other = new_id(), new_id()
        await h.run(count, [Add(one, 13), Add(one, 1), Add(other, 2)])
        outcome = await replay(COUNTING, h.app.engine, h.app.vault, h.app.keys)
        assert outcome.differences == [
            Difference("counters", str(one), "events", "differs"),
            Difference("counters", str(one), "total", "differs"),
        ]


@pytest.mark.parametrize("key_by_key", [True, False])
async def test_events_are_folded_in_the_order_of_recording_or_key_by_key(stack: Stack, key_by_key: bool) -> None:
    seen: list[tuple[str, int]] = []

    def noting(vault: Vault) -> Projection:
        whole = projection(vault)

        async def project(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
            seen.extend((one.envelope.key, one.envelope.seq) for one in events)
            await whole(conn, events)

        return project

    service = replace(COUNTING, projection=noting, folds_key_by_key=key_by_key)
    async with toy(service, stack) as h:
        keys = sorted((new_id() for _ in range(3)), key=str)
        for number in range(2):
            for key in keys:
                await h.run(count, [Add(key, number)])
        recorded = [*seen]
        seen.clear()
        assert (await h.replay()).equal
        assert seen == (sorted(recorded) if key_by_key else recorded)


async def test_projection_that_reads_the_clock_is_found(stack: Stack) -> None:
    def hasty(vault: Vault) -> Projection:
        whole = projection(vault)

        async def project(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
            await whole(conn, events)
            await conn.execute(sa.text("UPDATE counters SET total = extract(microseconds FROM clock_timestamp())"))

        return project

    async with toy(replace(COUNTING, projection=hasty), stack) as h:
        await h.run(count, [Add(new_id(), 1)])
        assert not (await h.replay()).equal


async def test_live_traffic_goes_on_and_replay_is_equal(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = [new_id() for _ in range(30)]
        done = asyncio.Event()
        written = 0

        async def write() -> None:
            nonlocal written
            while not done.is_set():
                await h.run(count, [Add(key, 1) for key in keys])
                written += 1

        await h.run(count, [Add(key, n) for n in range(40) for key in keys])
        writing = asyncio.create_task(write())
        outcome = await h.replay()
        done.set()
        await writing
        assert outcome.equal and outcome.events >= 1_200
        assert written > 0
        assert (await h.replay()).equal


async def test_long_replay_outlives_the_writers_time_limits(stack: Stack) -> None:
    """A writer role's transactions end after 30 s, idle ones after 5: a replay of a long log takes longer."""
    async with toy(COUNTING, stack) as h:
        await h.run(count, [Add(new_id(), 1)])
        async with h.app.engine.begin() as conn:
            name = (await conn.execute(sa.text("SELECT current_database()"))).scalar_one()
            for limit in ("transaction_timeout", "idle_in_transaction_session_timeout"):
                await conn.execute(sa.text(f'ALTER DATABASE "{name}" SET {limit} = 250'))
        await h.app.engine.dispose()  # new connections have the limits
        outcome = await replay(
            COUNTING,
            h.app.engine,
            h.app.vault,
            h.app.keys,
            progress=lambda _: time.sleep(0.4),  # the log is long
        )
        assert outcome.equal


async def test_second_replay_at_the_same_time_is_refused(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h)
        second: list[asyncio.Task[object]] = []

        def begin(_: int) -> None:
            second.append(asyncio.create_task(h.replay()))

        outcome = await replay(COUNTING, h.app.engine, h.app.vault, h.app.keys, progress=begin)
        with pytest.raises(ReplayRunning):
            await second[0]
        assert outcome.equal


async def test_replay_writes_nothing_but_its_shadow(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h)
        tables = ["counters", "notes", "event_log", "progress", "idempotency", "person_keys", "relay_cursors"]

        async def content() -> list[object]:
            async with h.app.read() as conn:
                return [
                    (
                        await conn.execute(
                            sa.text(f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t")
                        )
                    ).scalar()
                    for name in tables
                ]

        before = await content()
        await h.replay()
        assert await content() == before


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE shadow.counters ADD COLUMN gone integer NOT NULL",
        "ALTER TABLE shadow.counters ALTER COLUMN total TYPE smallint",
        "ALTER TABLE shadow.counters DROP CONSTRAINT counters_pkey; ALTER TABLE shadow.counters ADD PRIMARY KEY (total)",
        "INSERT INTO shadow.counters SELECT gen_random_uuid(), 1, 1",
    ],
)
async def test_a_shadow_that_is_empty_and_alike_is_used_again_and_no_other(stack: Stack, change: str) -> None:
    async with toy(COUNTING, stack) as h:
        places = sa.text("SELECT 'shadow.counters'::regclass::oid, 'shadow.notes'::regclass::oid")

        async def stands() -> list[int]:
            assert (await h.replay()).equal
            async with h.app.read() as conn:
                return [*(await conn.execute(places)).one()]

        first = await stands()
        assert await stands() == first
        async with h.app.engine.begin() as conn:
            for statement in change.split(";"):
                await conn.exec_driver_sql(statement)
        await h.run(count, [Add(new_id(), 70_000), Add(new_id(), 70_000)])
        (counters_anew, notes_left) = await stands()
        assert counters_anew != first[0] and notes_left == first[1]
