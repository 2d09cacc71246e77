"""The whole path on real Kafka: a command in one service takes effect in another, through relay, topic and consumer."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer

from chassis.ids import new_id
from chassis.process import Process
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.topics import header, read_topic, write_topic
from tests.support.toy import COUNTING, Add, Following, Totalled, count, running, totals, toy, toy_topics


async def totalled(h: Harness) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in await h.events("totals"):
        assert isinstance(event.event, Totalled)
        found.setdefault(event.envelope.key, []).append(event.event.by)
    return found


async def test_command_takes_effect_in_the_reading_service_once_and_in_order(stack: Stack) -> None:
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            keys = [new_id() for _ in range(30)]
            async with running(Process(writer.app)), running(Process(reader.app)) as reading:
                for n in range(1, 6):
                    await writer.run(count, [Add(key, n) for key in keys])
                expected = {str(key): [1, 2, 3, 4, 5] for key in keys}

                async def there() -> bool:
                    return await totalled(reader) == expected

                await eventually(there)
                for subscriber in reading.subscribers:
                    consumer = subscriber.consumer
                    assert isinstance(consumer, AIOKafkaConsumer)
                    # what FastStream really made of the settings: nothing is acknowledged by itself
                    assert consumer._enable_auto_commit is False
                    assert consumer._auto_offset_reset == "earliest"
                    assert consumer._group_instance_id == "totals-0-participants"
                    assert consumer._rebalance_timeout_ms == 60_000
            assert await reader.parked() == []


async def test_process_killed_before_its_offsets_were_committed_repeats_without_effect(stack: Stack) -> None:
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            key = new_id()
            async with running(Process(writer.app)):
                await writer.run(count, [Add(key, n) for n in range(1, 4)])
                async with running(Process(reader.app)):
                    await eventually(lambda: _has(reader, {str(key): [1, 2, 3]}))
            # every record once more on the topic: as a relay that repeated itself would leave it
            records = await read_topic(stack.kafka_bootstrap, f"{prefix}participants")
            again = [(r.key, r.value, list(r.headers)) for r in records]
            await write_topic(stack.kafka_bootstrap, f"{prefix}participants", again)
            async with running(Process(writer.app)):
                await writer.run(count, [Add(key, 4)])
                async with running(Process(reader.app)):
                    await eventually(lambda: _has(reader, {str(key): [1, 2, 3, 4]}))


async def test_strange_record_becomes_an_encrypted_dead_letter_and_the_rest_flows(stack: Stack) -> None:
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            key = new_id()
            await write_topic(
                stack.kafka_bootstrap, f"{prefix}participants", [(str(key).encode(), b"private \xff", [("x", b"\xff")])]
            )
            async with running(Process(writer.app)), running(Process(reader.app)):
                await writer.run(count, [Add(key, 1)])
                await eventually(lambda: _has(reader, {str(key): [1]}))
            letters = await read_topic(stack.kafka_bootstrap, f"{prefix}dead-letters")
            assert [header(letter, "reason") for letter in letters] == ["bad_envelope: ce_specversion is missing"]
            assert b"private" not in letters[0].value
            assert (await reader.parked()) == []


async def _has(h: Harness, expected: dict[str, list[int]]) -> bool:
    return await totalled(h) == expected


async def test_bad_build_stops_its_reader_and_the_mended_one_goes_on_where_it_was(stack: Stack) -> None:
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        handler = Following()
        async with toy(COUNTING, stack, **where) as writer, toy(totals(handler), stack, **where) as reader:
            keys = [new_id() for _ in range(30)]
            async with running(Process(writer.app)):
                await writer.run(count, [Add(key, 98) for key in keys])
                bad = Process(reader.app)
                async with running(bad):
                    await eventually(lambda: bad.consumers[0].stopped_because is not None)
                    assert await bad._consumers_check() == "20 failures in a row", "not ready, and why"
                    assert bad.subscribers[0].running is False
                handler.broken = False
                mended = Process(reader.app)
                async with running(mended):
                    await mended.parking.retry_all()
                    await eventually(lambda: _has(reader, {str(key): [98] for key in keys}))
                    assert await mended._consumers_check() is None
            assert await reader.parked() == []
            assert await read_topic(stack.kafka_bootstrap, f"{prefix}dead-letters") == []
