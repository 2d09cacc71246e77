"""State rebuilt from what the archive has, not from the service's own log: whatever was done to state, log or archive is named by table, key
and column."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.crosscheck import FromArchive, Tally
from chassis.ids import new_id
from chassis.privacy.vault import Vault
from chassis.replay import Outcome, replay
from chassis.transaction import Projection, Recorded
from tests.integration.chassis.test_cli import perisai
from tests.support import archive
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, Counted, count, projection, toy

Told = dict[str, Any]
Named = set[tuple[str, str, str | None, str]]


async def filled(h: Harness) -> list[UUID]:
    """Ten keys of two events, and a note for each; all sent."""
    keys = [new_id() for _ in range(10)]
    await h.run(count, [Add(key, n, note="private") for n, key in enumerate(keys, 1)])
    h.pass_time(hours=1)
    await h.run(count, [Add(key, 100) for key in keys])
    await archive.sent(h)
    return keys


async def replayed(h: Harness, lines: Sequence[bytes], *, until: datetime | None = None) -> tuple[Outcome, Tally]:
    source = FromArchive(COUNTING, h.app.engine, archive.feed_of(lines), ready=archive.nothing, until=until)
    outcome = await replay(COUNTING, h.app.engine, h.app.vault, h.app.keys, source=source, until=until)
    return outcome, source.tally


def named(outcome: Outcome) -> Named:
    return {(one.table, one.key, one.column, one.kind) for one in outcome.differences}


async def altered(h: Harness, change: str, **values: object) -> None:
    """Behind the service's back."""
    async with h.app.engine.begin() as conn:
        await conn.execute(sa.text(change), values)


def replaced(old: str, new: str) -> str:
    """A payload that says something else."""
    text = f"convert_to(replace(convert_from(payload, 'UTF8'), '{old}', '{new}'), 'UTF8')"
    return text.replace(":", "\\:")  # no parameter


async def test_what_stands_live_follows_from_the_archive(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h)
        result = await perisai(h, stack, "t.", "fed", "replay", fed=archive.whole(await archive.kept(h)))
        told: Told = json.loads(result.stdout.splitlines()[-1])["outcome"]
        assert (result.exit_code, told["equal"], told["events"], told["log"]["equal"]) == (0, True, 20, True)
        assert told["rows"] == {"counters": 10, "notes": 10}


async def test_an_edited_balance_is_named(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = await filled(h)
        await altered(h, "UPDATE counters SET total = total + 1 WHERE id = :id", id=keys[3])
        result = await perisai(h, stack, "t.", "fed", "replay", fed=archive.whole(await archive.kept(h)))
        told: Told = json.loads(result.stdout.splitlines()[-1])["outcome"]
        assert (result.exit_code, told["equal"], told["log"]["equal"]) == (1, False, True)
        assert told["differences"] == [{"table": "counters", "key": str(keys[3]), "column": "total", "kind": "differs"}]


async def test_a_log_edited_together_with_its_state_is_named_by_what_the_archive_says(stack: Stack) -> None:
    """The replay from the log itself sees nothing of it."""
    async with toy(COUNTING, stack) as h:
        keys = await filled(h)
        lines = await archive.kept(h)
        payload = replaced('"by":100', '"by":900')
        await altered(h, f"UPDATE event_log SET payload = {payload} WHERE key = :key AND seq = 2", key=str(keys[3]))
        await altered(h, "UPDATE counters SET total = total + 800 WHERE id = :id", id=keys[3])
        assert (await h.replay()).equal
        outcome, log = await replayed(h, lines)
        assert named(outcome) == {("counters", str(keys[3]), "total", "differs")}
        assert [(one.kind, one.key, one.seq, one.what) for one in log.named] == [
            ("differs", str(keys[3]), 2, ("payload",))
        ]


async def test_an_event_that_log_and_state_lost_is_named(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = await filled(h)
        lines = await archive.kept(h)
        await altered(h, "DELETE FROM event_log WHERE key = :key", key=str(keys[3]))
        await altered(h, "DELETE FROM counters WHERE id = :id", id=keys[3])
        await altered(h, "DELETE FROM notes WHERE id = :id", id=keys[3])
        assert (await h.replay()).equal
        outcome, log = await replayed(h, lines)
        assert named(outcome) == {(table, str(keys[3]), None, "only_replay") for table in ("counters", "notes")}
        assert [(one.kind, one.key, one.seq) for one in log.named] == [
            ("missing_in_log", str(keys[3]), 1),
            ("missing_in_log", str(keys[3]), 2),
        ]


async def test_an_event_that_the_archive_lost_is_named(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h)
        lines = await archive.kept(h)
        gone = json.loads(lines[-1])["id"]
        outcome, log = await replayed(h, lines[:-1])
        ((kind, event_id, _, key, _, _),) = log.named
        assert (kind, event_id) == ("missing_in_archive", gone)
        assert named(outcome) == {("counters", key, column, "differs") for column in ("total", "events")}


async def test_a_projection_with_a_planted_bug_is_named(stack: Stack) -> None:
    def skipping(vault: Vault) -> Projection:
        whole = projection(vault)

        async def project(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
            await whole(conn, [e for e in events if isinstance(e.event, Counted) and e.event.by != 4])

        return project

    async with toy(replace(COUNTING, projection=skipping), stack) as h:
        keys = await filled(h)
        outcome, log = await replayed(h, await archive.kept(h))
        assert log.equal
        assert named(outcome) == {
            ("counters", str(keys[3]), "total", "differs"),
            ("counters", str(keys[3]), "events", "differs"),
            ("notes", str(keys[3]), None, "only_replay"),
        }


async def test_an_event_that_cannot_be_folded_is_named_and_the_others_are(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = await filled(h)
        lines = await archive.kept(h)
        (number,) = [n for n, line in enumerate(lines) if _of(line, keys[9])][:1]
        one = json.loads(lines[number])
        broken = json.dumps({**one, "value": "{}"}).encode() + b"\n"
        outcome, log = await replayed(h, [*lines[:number], broken, *lines[number + 1 :]])
        assert ("event_log", one["id"], None, "not_folded") in named(outcome)
        assert {(table, key) for table, key, _, _ in named(outcome)} == {
            ("event_log", one["id"]),
            ("counters", str(keys[9])),
            ("notes", str(keys[9])),
        }
        assert [(found.kind, found.what) for found in log.named] == [("differs", ("payload",))]


def _of(line: bytes, key: UUID) -> bool:
    return ["ce_subject", str(key)] in json.loads(line)["headers"]


async def test_what_is_not_sent_yet_comes_from_the_log_and_what_is_newer_stays_out(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = await filled(h)
        lines = await archive.kept(h)
        await h.run(count, [Add(keys[0], 7), Add(new_id(), 8)])  # not sent
        newer: list[bytes] = []

        async def ready(_: Sequence[UUID], after: object) -> None:
            before = len(await archive.kept(h))
            await h.run(count, [Add(keys[1], 50), Add(new_id(), 9)])
            newer.extend((await archive.kept(h))[before:])

        async def feed() -> Any:
            async for batch in archive.feed_of([*lines, *newer]):
                yield batch

        source = FromArchive(COUNTING, h.app.engine, feed(), ready=ready)
        outcome = await replay(COUNTING, h.app.engine, h.app.vault, h.app.keys, source=source)
        assert (outcome.differences, outcome.events) == ([], 22)
        assert (source.tally.unsent, source.tally.newer, source.tally.equal) == (2, 2, True)


class TestUntilAMoment:
    async def test_the_archive_of_then_gives_what_the_log_gives(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            before = h.clock.wall()
            await filled(h)
            lines = await archive.kept(h)
            outcome, log = await replayed(h, lines[:10], until=before)
            assert (outcome.differences, outcome.events, outcome.rows) == ([], 10, {"counters": 10, "notes": 10})
            assert (log.equal, log.log) == (True, 10)

    async def test_a_log_that_was_edited_since_is_named(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            before = h.clock.wall()
            keys = await filled(h)
            lines = (await archive.kept(h))[:10]
            payload = replaced('"by":4', '"by":5')
            await altered(h, f"UPDATE event_log SET payload = {payload} WHERE key = :key AND seq = 1", key=str(keys[3]))
            outcome, log = await replayed(h, lines, until=before)
            assert named(outcome) == {("counters", str(keys[3]), "total", "differs")}
            assert len(log.named) == 1

    async def test_a_time_that_is_none_is_refused(self, stack: Stack) -> None:
        async with toy(COUNTING, stack) as h:
            refused = await perisai(h, stack, "t.", "fed", "replay", "--until", "noon")
            assert (refused.exit_code, "'noon' bukan waktu" in refused.output) == (1, True)
