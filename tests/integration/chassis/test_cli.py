"""Operator commands that every service has, run as an operator runs them: settings from the environment, an exit code, `--json`."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import typer
from typer.testing import CliRunner, Result

from chassis import cli
from chassis.businessclock import BusinessClock
from chassis.clock import SystemClock
from chassis.deadletters import DeadLetters
from chassis.ids import new_id
from chassis.records import Bad, Coordinates, Record
from chassis.telemetry import configure_logs
from contracts.reads import PersonalDataRead
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, count, counters, toy, toy_topics
from tests.support.toy_processes import environment


async def perisai(h: Harness, stack: Stack, prefix: str, *args: str, fed: bytes = b"") -> Result:
    """`perisai counting ARGS`; `fed`: its standard input."""
    commands = cli.extend(typer.Typer(), COUNTING)
    environ = environment("counting", h.app.settings.database_url, stack.kafka_bootstrap, prefix)
    try:
        return await asyncio.to_thread(lambda: CliRunner().invoke(commands, [*args], env=environ, input=fed))
    finally:
        configure_logs("tests")  # the command runs in this process and set up its own


def told(result: Result) -> Any:
    return json.loads(result.stdout)


async def test_replay_exits_zero_when_equal_and_one_with_the_difference_named(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        key = new_id()
        await h.run(count, [Add(key, 1)])
        equal = await perisai(h, stack, "t.", "replay", "--json")
        assert (equal.exit_code, told(equal)["equal"], told(equal)["events"]) == (0, True, 1)
        async with h.app.engine.begin() as conn:
            await conn.execute(sa.update(counters).values(total=2))
        differs = await perisai(h, stack, "t.", "replay")
        assert differs.exit_code == 1
        assert f"differs / berbeda: counters {key} total" in differs.stdout


async def test_letters_are_listed_and_one_is_opened(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        record = Record(Coordinates(f"{prefix}participants", 3, 41), b"k", b"private \xff", ())
        box = DeadLetters(
            h.app.engine,
            h.app.wrap,
            h.app.vault,
            h.clock,
            bootstrap=[stack.kafka_bootstrap],
            service="counting",
            instance="counting-0",
            prefix=prefix,
        )
        await box.send([Bad(record, "not_utf8")])
        listed = await perisai(h, stack, prefix, "letters")
        assert listed.exit_code == 0
        assert f"{prefix}participants:3:41  not_utf8" in listed.stdout and "cHJpdmF0ZSD/" not in listed.stdout
        opened = await perisai(h, stack, prefix, "letters", f"{prefix}participants:3:41")
        assert told(opened)["value"] == "cHJpdmF0ZSD/"
        (read,) = await h.events("reads-counting")
        assert isinstance(read.event, PersonalDataRead) and read.envelope.actor.startswith("operator:")
        assert (read.event.door, read.event.opened[0].things) == (
            "perisai counting letters",
            (f"{prefix}participants:3:41",),
        )
        assert (await perisai(h, stack, prefix, "letters", "nowhere:0:0")).exit_code == 1


async def test_what_a_command_records_counts_in_the_month_in_which_its_service_lives(stack: Stack) -> None:
    """Whatever the settings said when the service was started."""
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        box = DeadLetters(
            h.app.engine,
            h.app.wrap,
            h.app.vault,
            h.clock,
            bootstrap=[stack.kafka_bootstrap],
            service="counting",
            instance="counting-0",
            prefix=prefix,
        )
        await box.send([Bad(Record(Coordinates(f"{prefix}participants", 3, 41), b"k", b"private", ()), "not_utf8")])
        h.app.clock = SystemClock()
        later = datetime.now(UTC) + timedelta(days=40)
        await BusinessClock(h.app).advance_to(later)
        assert (await perisai(h, stack, prefix, "letters", f"{prefix}participants:3:41")).exit_code == 0
        (read,) = await h.events("reads-counting")
        assert read.envelope.occurred_at >= later > read.envelope.recorded_at


async def test_republish_tells_how_many_and_one_sentence_when_kafka_is_away(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        await h.run(count, [Add(new_id(), 1) for _ in range(3)])
        assert told(await perisai(h, stack, prefix, "republish", "--json")) == {"sent": 3}
        away = Stack("127.0.0.1:1", stack.admin_url, stack.kafka, stack.postgres, stack.found)
        refused = await perisai(h, away, prefix, "republish")
        assert refused.exit_code == 1 and "Kafka does not answer" in refused.output


async def test_rebase_is_refused_while_the_service_is_connected(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        await h.run(count, [Add(new_id(), 1)])
        refused = await perisai(h, stack, prefix, "rebase")
        assert refused.exit_code == 1 and "stop them first" in refused.output
