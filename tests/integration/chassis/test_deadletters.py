"""Dead letters: durable before the offset moves, sealed by the day, and opened by an operator until the day's key is destroyed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.deadletters import MAX_VALUE_BYTES, DeadLetters, LetterUnreadable
from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.privacy.forgetting import Forgetting
from chassis.process import Process
from chassis.records import Bad, Coordinates, Record
from chassis.subscribing import group_of
from chassis.tables import dead_letter_keys
from chassis.topicreader import read_topic
from chassis.transaction import Tx, UseCase
from deploy import topics
from deploy.topics import Topic
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.topics import write_topic
from tests.support.toy import COUNTING, Add, Following, Totalled, count, running, totals, toy, toy_topics

STRANGE = Record(Coordinates("perisai.participants", 3, 41), b"a key", b"private \xff", (("x", b"\xff"), ("y", None)))


def letters(h: Harness, stack: Stack, prefix: str, *, service: str = "totals", timeout_s: float = 10.0) -> DeadLetters:
    return DeadLetters(
        h.app.engine,
        h.app.wrap,
        h.app.vault,
        h.clock,
        bootstrap=[stack.kafka_bootstrap],
        service=service,
        instance=f"{service}-0",
        prefix=prefix,
        timeout_s=timeout_s,
    )


async def on_topic(stack: Stack, prefix: str) -> list[Record]:
    return [record async for record in read_topic([stack.kafka_bootstrap], f"{prefix}dead-letters")]


async def test_letter_tells_where_and_why_in_clear_and_the_rest_to_its_keeper_only(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h, toy_topics(stack) as prefix:
        box = letters(h, stack, prefix)
        await box.send([Bad(STRANGE, "not_utf8")])
        (letter,) = await on_topic(stack, prefix)
        told = {name: (value or b"").decode() for name, value in letter.headers}
        assert told.pop("hash") == h.app.vault.keyed_hash(STRANGE.value or b"")
        assert told == {
            "service": "totals",
            "topic": "perisai.participants",
            "partition": "3",
            "offset": "41",
            "reason": "not_utf8",
            "day": h.clock.wall().date().isoformat(),
        }
        assert letter.value is not None and b"private" not in letter.value
        assert await box.open(letter) == STRANGE
        (opened,) = [found async for found in box.listed("perisai.participants:3:41")]
        assert opened["value"] == "cHJpdmF0ZSD/"
        (listed,) = [found async for found in box.listed()]
        assert "value" not in listed


async def test_letter_is_unreadable_for_ever_once_the_key_of_its_day_is_destroyed(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h, toy_topics(stack) as prefix:
        box = letters(h, stack, prefix)
        await box.send([Bad(STRANGE, "not_utf8")])
        h.clock.move(timedelta(days=30))
        await box.send([Bad(STRANGE, "empty")])
        stop = asyncio.Event()
        keeping = asyncio.create_task(box.keep(stop))
        first, second = sorted(await on_topic(stack, prefix), key=lambda letter: dict(letter.headers)["day"] or b"")
        assert await box.open(first) == STRANGE, "thirty days are not over"
        stop.set()
        await keeping
        h.clock.move(timedelta(days=1))
        stop.clear()
        keeping = asyncio.create_task(box.keep(stop))

        async def destroyed() -> bool:
            async with h.app.read() as conn:
                return (await conn.execute(sa.select(sa.func.count()).select_from(dead_letter_keys))).scalar_one() == 1

        await eventually(destroyed)
        stop.set()
        await keeping
        with pytest.raises(LetterUnreadable, match="destroyed"):
            await box.open(first)
        assert await box.open(second) == STRANGE


async def test_a_letter_that_names_who_was_forgotten_goes_with_its_day_and_other_days_stay(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h, toy_topics(stack) as prefix:
        gone, box = new_id(), letters(h, stack, prefix)
        await box.send(
            [Bad(replace(STRANGE, value=b'{"who": "' + str(gone).encode() + b'", "nik": "3671"}'), "not_json")]
        )
        h.clock.move(timedelta(days=1))
        await box.send([Bad(STRANGE, "empty")])
        about, other = sorted(await on_topic(stack, prefix), key=lambda letter: dict(letter.headers)["day"] or b"")
        assert await box.forget() == (), "nobody is forgotten yet"
        await h.run(forgetting(h.app.forget, gone), [None])
        assert h.app.forget.happened.is_set()
        assert await box.forget() == [h.clock.wall().date() - timedelta(days=1)]
        with pytest.raises(LetterUnreadable, match="destroyed"):
            await box.open(about)
        assert await box.open(other) == STRANGE
        assert await box.forget() == (), "who was searched for once is not searched for again"


def forgetting(forget: Forgetting, who: UUID) -> UseCase[None, Done]:
    async def use_case(tx: Tx, items: Sequence[None], /) -> list[Done]:
        forget(tx, [who])
        return [Done() for _ in items]

    return use_case


async def test_letter_of_another_service_or_place_does_not_open(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h, toy_topics(stack) as prefix:
        box = letters(h, stack, prefix)
        await box.send([Bad(STRANGE, "not_utf8")])
        (letter,) = await on_topic(stack, prefix)
        with pytest.raises(LetterUnreadable):
            await letters(h, stack, prefix, service="counting").open(letter)
        with pytest.raises(LetterUnreadable):
            await box.open(replace(letter, key=b"perisai.participants:3:42"))
        with pytest.raises(LetterUnreadable):
            await box.open(replace(letter, value=(letter.value or b"")[:-1] + b"\x00"))


async def test_record_too_large_for_a_letter_is_told_without_its_value(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h, toy_topics(stack) as prefix:
        box = letters(h, stack, prefix)
        huge = replace(STRANGE, value=b"x" * 1_000_000)
        largest = replace(STRANGE, value=b"x" * MAX_VALUE_BYTES, key=b"k" * 16_384, headers=(("h", b"v" * 16_383),))
        await box.send([Bad(huge, "not_json"), Bad(largest, "not_json")])
        first, second = sorted(await on_topic(stack, prefix), key=lambda letter: len(letter.value or b""))
        assert await box.open(first) == replace(huge, value=None)
        assert dict(first.headers)["left-out"] == b"value"
        assert await box.open(second) == largest


async def test_processes_of_one_service_write_under_one_key(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h, toy_topics(stack) as prefix:
        one, other = letters(h, stack, prefix), letters(h, stack, prefix)
        await asyncio.gather(one.send([Bad(STRANGE, "empty")]), other.send([Bad(STRANGE, "empty")]))
        assert [await one.open(letter) for letter in await on_topic(stack, prefix)] == [STRANGE, STRANGE]


async def test_missing_topic_stops_the_reader_and_nothing_is_lost_when_it_is_back(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    async with toy_topics(stack, "participants", "claims") as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            key = new_id()
            strange = (str(key).encode(), b"private \xff", [("x", b"\xff")])
            await write_topic(stack.kafka_bootstrap, f"{prefix}participants", [strange])
            process = Process(reader.app)
            process.letters._timeout_s = 0.5
            group = group_of(prefix, "totals", "participants")
            async with running(Process(writer.app)), running(process):
                (consumer,) = process.consumers
                await eventually(lambda: consumer.waiting_because == "TimeoutError")
                await writer.run(count, [Add(key, 1)])
                assert await committed(stack, group, f"{prefix}participants") == 0, "no offset moved past it"
                assert "consumer_waits" in capsys.readouterr().out
                name = f"{prefix}dead-letters"
                await topics.ensure(stack.kafka_bootstrap, [Topic(name, 4, {"cleanup.policy": "delete"})])
                await eventually(lambda: applied(reader, [1]))
                assert [dict(letter.headers)["reason"] for letter in await on_topic(stack, prefix)] == [
                    b"bad_envelope: ce_specversion is missing"
                ]
                await eventually(lambda: moved(stack, group, f"{prefix}participants", 2))
            await topics.delete(stack.kafka_bootstrap, [Topic(name, 4, {})])


async def applied(h: Harness, numbers: list[int]) -> bool:
    return [e.event.by for e in await h.events("totals") if isinstance(e.event, Totalled)] == numbers


async def moved(stack: Stack, group: str, topic: str, to: int) -> bool:
    return await committed(stack, group, topic) == to


async def committed(stack: Stack, group: str, topic: str) -> int:
    """Sum of a group's committed offsets on a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.kafka_bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        await consumer._client.add_topic(topic)
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        return sum([await consumer.committed(part) or 0 for part in parts])
    finally:
        await consumer.stop()
