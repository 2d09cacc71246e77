"""The log beside the archive: whatever either side lacks, or has otherwise, is named, and what is on its way is not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis import archived
from chassis.crosscheck import cross_check
from chassis.ids import new_id
from tests.integration.chassis.test_cli import perisai
from tests.support import archive
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, count, toy

Told = dict[str, Any]


async def filled(h: Harness, events: int = 12) -> list[UUID]:
    """So many keys with an event each; all sent."""
    keys = [new_id() for _ in range(events)]
    await h.run(count, [Add(key, min(n, 600), note="private" if n % 3 else None) for n, key in enumerate(keys, 1)])
    await archive.sent(h)
    return keys


async def checked(h: Harness, stack: Stack, lines: Sequence[bytes]) -> tuple[int, Told]:
    """`perisai counting fed cross-check` with this feed: its exit code and its outcome."""
    result = await perisai(h, stack, "t.", "fed", "cross-check", fed=archive.whole(lines))
    return result.exit_code, json.loads(result.stdout.splitlines()[-1])["outcome"]


def named(told: Told) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(one["kind"], one["key"], tuple(one["what"])) for one in told["named"]}


async def altered(h: Harness, change: str, **values: object) -> None:
    """Behind the service's back."""
    async with h.app.engine.begin() as conn:
        await conn.execute(sa.text(change), values)


async def test_what_is_the_same_is_equal(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h)
        code, told = await checked(h, stack, await archive.kept(h))
        assert (code, told["equal"], told["log"], told["archived"], told["unsent"]) == (0, True, 12, 12, 0)


async def test_the_order_of_the_feed_does_not_matter(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h)
        assert (await checked(h, stack, (await archive.kept(h))[::-1]))[0] == 0


async def test_what_the_archive_lost_or_cut_is_named(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = await filled(h)
        lines = await archive.kept(h)
        told = await checked(h, stack, [*lines[:4], *lines[5:-2]])
        assert told[0] == 1
        log = [json.loads(line)["id"] for line in lines]
        assert {one["event_id"] for one in told[1]["named"]} == {log[4], log[-2], log[-1]}
        assert named(told[1]) <= {("missing_in_archive", str(key), ()) for key in keys}


async def test_what_the_log_lost_is_named(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = await filled(h)
        lines = await archive.kept(h)
        await altered(h, "DELETE FROM event_log WHERE key IN (:first, :last)", first=str(keys[0]), last=str(keys[-1]))
        code, told = await checked(h, stack, lines)
        assert code == 1
        assert named(told) == {("missing_in_log", str(keys[0]), ()), ("missing_in_log", str(keys[-1]), ())}


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("actor", "'somebody else'", "actor"),
        ("rules", "'toy/2'", "rules"),
        ("recorded_at", "recorded_at - interval '1 microsecond'", "recorded_at"),
        ("causation_id", "gen_random_uuid()", "causation_id"),
        ("payload", "convert_to(replace(convert_from(payload, 'UTF8'), '3', '4'), 'UTF8')", "payload"),
        ("event_id", "gen_random_uuid()", "event_id"),
        ("traceparent", "'00-0-0-00'", "traceparent"),
    ],
)
async def test_a_changed_log_is_named_by_what_changed(stack: Stack, column: str, value: str, what: str) -> None:
    async with toy(COUNTING, stack) as h:
        keys = await filled(h, 3)
        lines = await archive.kept(h)
        await altered(h, f"UPDATE event_log SET {column} = {value} WHERE key = :key", key=str(keys[2]))
        code, told = await checked(h, stack, lines)
        assert (code, named(told)) == (1, {("differs", str(keys[2]), (what,))})


async def test_a_changed_archive_is_named_by_what_changed(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = await filled(h, 3)
        lines = await archive.kept(h)
        one = json.loads(lines[0])
        value, key, topic = (json.dumps({**one, name: other}).encode() for name, other in _others(one))
        for line, what in ((value, "payload"), (key, "record key"), (topic, "topic")):
            code, told = await checked(h, stack, [line + b"\n", *lines[1:]])
            assert (code, named(told)) == (1, {("differs", one_key(one), (what,))})
        assert one_key(one) in {str(key) for key in keys}


def _others(one: Told) -> list[tuple[str, str]]:
    return [("value", "{}"), ("key", "other"), ("topic", "claims")]


def one_key(one: Told) -> str:
    return str(one["key"])


async def test_what_is_there_twice_or_no_event_is_named(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h, 3)
        lines = await archive.kept(h)
        stranger, broken = new_id(), new_id()
        bad = archived.line(broken, "participants", b"k", b"{}", [("ce_id", b"x")])
        code, told = await checked(h, stack, [*lines, lines[1], archived.unreadable(stranger, "bad_leaf"), bad])
        assert code == 1
        assert [(one["kind"], one["what"]) for one in told["named"]] == [
            ("unreadable", ["bad_leaf"]),
            ("unreadable", ["bad_envelope"]),
            ("double", []),
        ]
        assert [one["event_id"] for one in told["named"]][:2] == [str(stranger), str(broken)]


async def test_what_is_not_sent_yet_is_counted_and_not_missing(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h, 3)
        lines = await archive.kept(h)
        await h.run(count, [Add(new_id(), 1), Add(new_id(), 2)])
        code, told = await checked(h, stack, lines)
        assert (code, told["unsent"], told["log"], told["discrepancies"]) == (0, 2, 5, 0)


async def test_what_came_after_the_look_at_the_log_is_newer_and_not_missing(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h, 3)
        feeding: list[bytes] = []
        awaited: list[UUID] = []

        async def ready(wanted: Sequence[UUID], after: object) -> None:
            awaited.extend(wanted)
            await h.run(count, [Add(new_id(), 1)])
            feeding.extend(await archive.kept(h))

        async def late() -> Any:
            async for batch in archive.feed_of(feeding):
                yield batch

        tally = await cross_check(COUNTING, h.app.engine, late(), ready=ready, progress=lambda events: None)
        assert (tally.equal, tally.log, tally.archived, tally.newer) == (True, 3, 4, 1)
        assert {str(one) for one in awaited} == {json.loads(line)["id"] for line in feeding[:3]}


async def test_all_is_counted_and_the_first_are_named(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h, 1_203)
        code, told = await checked(h, stack, (await archive.kept(h))[:100])
        assert (code, told["discrepancies"], len(told["named"])) == (1, 1_103, 1_000)


@pytest.mark.parametrize(
    "feed", [b"", b"nonsense\n", b'{"end": 7}\n', b"[]\n", b'{"headers": 3}\n', b'{"headers": [], "id": 1}\n']
)
async def test_a_feed_that_is_none_or_broke_off_compares_nothing(stack: Stack, feed: bytes) -> None:
    async with toy(COUNTING, stack) as h:
        await filled(h, 2)
        lines = await archive.kept(h)
        result = await perisai(h, stack, "t.", "fed", "cross-check", fed=lines[0] + feed)
        assert result.exit_code == 2
        assert "nothing was compared" in result.stderr
        assert "outcome" not in result.stdout
