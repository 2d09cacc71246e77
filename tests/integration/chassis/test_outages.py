"""PostgreSQL and Kafka go away and come back under running services: nothing is lost, doubled, parked or dead-lettered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from chassis.batches import Broken
from chassis.database import Unavailable
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.process import Process
from deploy.local.stack import LocalStack
from tests.integration.chassis.test_relay import nothing_unpublished
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.topics import read_topic
from tests.support.toy import COUNTING, Add, Following, Totalled, count, running, totals, toy, toy_topics
from tests.support.toy_proxy import gate


async def totalled(h: Harness) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in await h.events("totals"):
        assert isinstance(event.event, Totalled)
        found.setdefault(event.envelope.key, []).append(event.event.by)
    return found


async def has(h: Harness, expected: dict[str, list[int]]) -> bool:
    return await totalled(h) == expected


async def test_process_started_before_kafka_serves_and_catches_up_once_it_is_there(stack: Stack) -> None:
    async with toy_topics(stack) as prefix, gate(stack.kafka_bootstrap) as kafka:
        where = {"kafka_bootstrap": kafka.address, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            key = new_id()
            process = Process(reader.app)
            async with running(Process(writer.app)), running(process):
                assert all(isinstance(o, Accepted) for o in await writer.run(count, [Add(key, 1), Add(key, 2)]))
                assert await process._consumers_check() == "not connected to Kafka yet"
                await kafka.open()
                await eventually(lambda: has(reader, {str(key): [1, 2]}), within_s=90)
                assert await process._consumers_check() is None


async def test_stop_while_kafka_is_away_does_not_hang(stack: Stack) -> None:
    async with gate(stack.kafka_bootstrap) as kafka:
        where = {"kafka_bootstrap": kafka.address, "topic_prefix": "t."}
        async with toy(totals(Following()), stack, **where) as reader:
            process = Process(reader.app)
            tasks = [asyncio.create_task(task(process.stop)) for n, task in process.tasks().items() if n != "http"]
            await eventually(lambda: process.subscribers != [])
            process.stop.set()
            await asyncio.wait_for(asyncio.gather(*tasks), 60)


@asynccontextmanager
async def own_servers(folder: Path) -> AsyncIterator[tuple[LocalStack, Stack]]:
    async with LocalStack(folder, environ={}, services=(), outside=()) as servers:
        yield (
            servers,
            Stack(servers.kafka.bootstrap, servers.postgres.admin_url, servers.kafka.about, "PostgreSQL", "embedded"),
        )


@pytest.mark.timeout(300)
async def test_servers_killed_under_running_services(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("servers")
    folder.chmod(0o711)
    folder.parent.chmod(0o711)
    async with own_servers(folder) as (servers, stack), toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            keys = [new_id() for _ in range(10)]
            async with running(Process(writer.app)), running(Process(reader.app)):
                await write(writer, keys, 1)
                await eventually(lambda: has(reader, {str(key): [1] for key in keys}), within_s=60)

                await servers.kill("postgres")
                with pytest.raises(Unavailable):
                    await writer.run(count, [Add(keys[0], 99)])
                await servers.restart("postgres")
                await write(writer, keys, 2)
                await eventually(lambda: has(reader, {str(key): [1, 2] for key in keys}), within_s=60)

                await servers.kill("kafka")
                await write(writer, keys, 3)  # accepted as usual
                assert not await nothing_unpublished(writer)
                await servers.restart("kafka")
                await eventually(lambda: has(reader, {str(key): [1, 2, 3] for key in keys}), within_s=90)

                # both at once, in mid-stream: a backlog on either side
                for n in range(4, 8):
                    await write(writer, keys, n)
                await asyncio.gather(servers.kill("postgres"), servers.kill("kafka"))
                await asyncio.gather(servers.restart("postgres"), servers.restart("kafka"))
                await eventually(lambda: has(reader, {str(key): [*range(1, 8)] for key in keys}), within_s=90)
            assert await reader.parked() == []
            assert await read_topic(stack.kafka_bootstrap, f"{prefix}dead-letters") == []
            assert (await reader.replay()).equal


async def write(h: Harness, keys: list[UUID], number: int) -> None:
    """As a caller who tries again after 503."""

    async def accepted() -> bool:
        try:
            outcomes = await h.run(count, [Add(key, number) for key in keys])
        except Unavailable:
            return False
        assert not any(isinstance(outcome, Broken) for outcome in outcomes)
        return True

    await eventually(accepted, within_s=60)
