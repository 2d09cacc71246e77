"""What was known of some keys at a moment: folded from their own events, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from chassis import asof, cli
from chassis.asof import SEALED, Account, as_of
from chassis.database import Unavailable
from chassis.ids import new_id
from chassis.problems import Refusal
from chassis.telemetry import configure_logs
from tests.faults.threats.rows import picture
from tests.support.counters import watched
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, count, toy
from tests.support.toy_processes import environment


async def known(h: Harness, *keys: UUID, ago: timedelta = timedelta()) -> Account:
    """Of these counters, so long ago."""
    app, now = h.app, h.clock.wall()
    of = [("counters", str(key)) for key in keys]
    return await as_of(h.service, app.engine, app.vault, app.keys, at=now - ago, now=now, of=of)


async def refusal(h: Harness, *keys: UUID, ago: timedelta = timedelta()) -> str:
    with pytest.raises(Refusal) as refused:
        await known(h, *keys, ago=ago)
    return refused.value.rejected.problem.code


async def two_steps(h: Harness, key: UUID) -> None:
    """Two minutes ago it was 3, since a minute ago it is 10."""
    await h.run(count, [Add(key, 3, note="private")])
    h.clock.move(timedelta(minutes=1))
    await h.run(count, [Add(key, 7)])
    h.clock.move(timedelta(minutes=1))


async def test_a_state_is_what_its_events_had_come_to_by_then(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        key, other = new_id(), new_id()
        await two_steps(h, key)
        await h.run(count, [Add(other, 1)])
        (then,) = (await known(h, key, ago=timedelta(minutes=2))).tables["counters"]
        (now,) = (await known(h, key)).tables["counters"]
        assert (then["id"], then["total"], then["events"]) == (str(key), 3, 1)
        assert (now["total"], now["events"]) == (10, 2)
        both = await known(h, other, key)
        assert {row["total"] for row in both.tables["counters"]} == {1, 10}
        assert [e.envelope.seq for e in both.events] == [1, 2, 1]


async def test_what_is_personal_stays_closed(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await two_steps(h, key)
        account = await known(h, key)
        assert [row["text"] for row in account.tables["notes"]] == [SEALED]
        assert "private" not in json.dumps(account.as_json())


async def test_nothing_is_left_behind_and_nothing_of_today_is_read(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await two_steps(h, key)
        async with h.app.engine.begin() as conn:
            await conn.execute(sa.text("UPDATE counters SET total = 1000000"))
        before = await picture(h)
        async with watched(h.app) as seen:
            account = await known(h, key)
        assert account.tables["counters"][0]["total"] == 10
        assert (await picture(h)).tables == before.tables
        assert seen.commits == 0
        async with h.app.read() as conn:
            left = sa.text("SELECT count(*) FROM pg_tables WHERE schemaname IN ('scratch', 'shadow')")
            assert (await conn.execute(left)).scalar_one() == 0


async def test_several_ask_at_once(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = [new_id() for _ in range(5)]
        await h.run(count, [Add(key, number) for number, key in enumerate(keys)])
        found = await asyncio.gather(*(known(h, key) for key in keys))
        assert [one.tables["counters"][0]["total"] for one in found] == [0, 1, 2, 3, 4]


async def test_what_cannot_be_told_is_refused_by_its_reason(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await two_steps(h, key)
        assert await refusal(h, key, ago=timedelta(seconds=-1)) == "time_to_come"
        assert await refusal(h, new_id()) == "nothing_known"
        assert await refusal(h, key, ago=timedelta(minutes=3)) == "nothing_known"
        async with h.app.engine.begin() as conn:
            await conn.execute(sa.text("UPDATE event_log SET payload = '{}' WHERE seq = 2"))
        assert await refusal(h, key) == "unfoldable"
        assert (await known(h, key, ago=timedelta(minutes=2))).tables["counters"][0]["total"] == 3
        monkeypatch.setattr(asof, "MOST_EVENTS", 1)
        assert await refusal(h, key) == "too_many_events"


async def test_without_the_key_of_a_person_nothing_is_said(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await two_steps(h, key)
        h.app.keys.cache.clear()
        async with h.app.engine.begin() as conn:
            await conn.execute(sa.text("DELETE FROM person_keys"))
        with pytest.raises(Unavailable):
            await known(h, key)


async def test_a_forgotten_person_is_told_of_in_blanks(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await two_steps(h, key)
        h.forget(key)
        account = await known(h, key)
        assert account.tables["counters"][0]["total"] == 10
        assert not [row for row in account.tables.get("notes", ()) if row["text"]]


async def test_an_event_that_follows_on_one_that_was_not_known_yet_was_not_known_either(stack: Stack) -> None:
    """The clocks of two processes differ."""
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await h.run(count, [Add(key, 1)])
        h.clock.move_wall(timedelta(seconds=2))
        await h.run(count, [Add(key, 1)])
        h.clock.move_wall(timedelta(seconds=-1))
        await h.run(count, [Add(key, 1)])
        assert [one.envelope.seq for one in (await known(h, key)).events] == [1]


async def test_a_key_costs_its_own_rows(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        keys = [new_id() for _ in range(3_000)]
        await h.run(count, [Add(key, 1) for key in keys])
        async with h.app.engine.begin() as conn:
            await conn.execute(sa.text("ANALYZE event_log"))
        async with watched(h.app) as seen:
            await known(h, keys[1_500])
        assert await seen.sequential_scans({"event_log"}) == []
        reading = {sql: n for sql, n in (await seen.rows_handled()).items() if "event_log" in sql}
        assert reading and max(reading.values()) <= 10


async def test_the_door_is_for_auditors_and_tells_events_and_rows(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await two_steps(h, key)
        body = {"at": h.clock.wall().isoformat(), "keys": [{"stream": "counters", "key": str(key)}]}
        answer = await h.client.post("/ops/as-of", json=body, headers=h.token(roles=["auditor"]))
        assert answer.status_code == 200, answer.text
        told: Any = answer.json()
        assert told["tables"]["counters"] == [{"id": str(key), "total": 10, "events": 2}]
        first = told["events"][0]
        assert (first["type"], first["actor"], first["rules"], first["seq"]) == ("Counted", "tests", "toy/1", 1)
        refused = await h.client.post("/ops/as-of", json=body, headers=h.token(roles=["operator", "central"]))
        assert refused.status_code == 403
        to_come = {**body, "at": (h.clock.wall() + timedelta(hours=1)).isoformat()}
        answer = await h.client.post("/ops/as-of", json=to_come, headers=h.token(roles=["auditor"]))
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "time_to_come", "at")


async def test_the_command_tells_the_same_and_refuses_in_one_sentence(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await two_steps(h, key)
        environ = environment("counting", h.app.settings.database_url, stack.kafka_bootstrap, "t.")
        commands = cli.extend(typer.Typer(), COUNTING)

        async def perisai(*args: str) -> Any:
            try:
                return await asyncio.to_thread(lambda: CliRunner().invoke(commands, ["as-of", *args], env=environ))
            finally:
                configure_logs("tests")

        then = (h.clock.wall() - timedelta(minutes=2)).isoformat()
        found = await perisai(then, "--key", f"counters/{key}", "--json")
        assert json.loads(found.stdout)["tables"]["counters"][0]["total"] == 3
        assert "Counted counters/" in (await perisai(then, "--key", f"counters/{key}")).stdout
        for wrong, args in {
            "is no time": ("tomorrow", "--key", f"counters/{key}"),
            "has not come yet": ("2999-01-01", "--key", f"counters/{key}"),
            "names no key": (then, "--key", "counters"),
            "Nothing had been recorded": (then, "--key", f"counters/{new_id()}"),
        }.items():
            refused = await perisai(*args)
            assert refused.exit_code == 1 and wrong in refused.output, args
