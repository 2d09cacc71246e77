"""Real processes, crashed between any two steps and stopped in the middle of a batch: every effect is there once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter

from chassis.consumer import Subscription
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.process import Process
from chassis.service import App, Composition
from chassis.settings import Role
from chassis.subscribing import group_of
from chassis.transaction import Tx
from deploy.local.ports import answers, choose
from tests.integration.chassis.test_deadletters import committed
from tests.integration.chassis.test_relay import nothing_unpublished, published, relay
from tests.support.eventually import eventually
from tests.support.service import Harness, settings_for
from tests.support.stack import Stack
from tests.support.toy import (
    COUNTING,
    Add,
    Counted,
    Following,
    Totalled,
    count,
    running,
    totals,
    toy,
    toy_database,
    toy_topics,
)
from tests.support.toy_processes import environment, fired, started


async def totalled(h: Harness) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in await h.events("totals"):
        assert isinstance(event.event, Totalled)
        found.setdefault(event.envelope.key, []).append(event.event.by)
    return found


async def test_reader_killed_at_every_step_and_stopped_in_mid_batch_applies_each_event_once(
    stack: Stack, tmp_path: Path
) -> None:
    async with toy_topics(stack) as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            url = reader.app.settings.database_url
            environ = environment("totals", url, stack.kafka_bootstrap, prefix, PERISAI_ROLES="consumers")
            keys = [new_id() for _ in range(20)]
            log = tmp_path / "fired"
            async with running(Process(writer.app)):
                for number, (point, action) in enumerate(
                    [("before_commit", "kill"), ("P5", "kill"), ("P2", "term")], start=1
                ):
                    await writer.run(count, [Add(key, number) for key in keys])
                    faults = {"FAULT_AT": point, "FAULT_ACTION": action, "FAULT_LOG": str(log)}
                    async with started("totals", environ | faults) as process:
                        code = await process.ended()
                    assert fired(log) == number
                    assert code == (-signal.SIGKILL if action == "kill" else 0), process.lines
                # the batch that SIGTERM met was finished, acknowledged, and nothing was begun after it
                group = group_of(prefix, "totals", "participants")
                assert await committed(stack, group, f"{prefix}participants") == len(keys) * 3
                assert await totalled(reader) == {str(key): [1, 2, 3] for key in keys}
            assert await reader.parked() == []
            assert (await reader.replay()).equal


async def test_relay_killed_in_mid_window_repeats_and_never_skips(stack: Stack, tmp_path: Path) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        keys = [new_id() for _ in range(20)]
        for n in range(1, 4):
            await h.run(count, [Add(key, n) for key in keys])
        environ = environment(
            "counting", h.app.settings.database_url, stack.kafka_bootstrap, prefix, PERISAI_ROLES="relay"
        )
        log = tmp_path / "fired"
        async with started("counting", environ | {"FAULT_AT": "O3", "FAULT_LOG": str(log)}) as process:
            assert await process.ended() == -signal.SIGKILL, process.lines
        assert fired(log) == 1
        assert not await nothing_unpublished(h)
        heir = relay(h, stack, prefix, "counting-1")
        stop = asyncio.Event()
        relaying = asyncio.create_task(heir.run(stop))
        await eventually(lambda: nothing_unpublished(h))
        stop.set()
        await relaying
        assert await published(stack, prefix) == {str(key): [1, 2, 3] for key in keys}


async def test_whole_process_serves_says_it_is_ready_and_leaves_on_a_signal(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        environ = environment("counting", h.app.settings.database_url, stack.kafka_bootstrap, prefix)
        async with started("counting", environ) as process:
            await eventually(lambda: process.said("process_started"))
            assert await process.stop() == 0
            assert process.said("process_stopped")


async def test_two_readers_of_one_topic_in_a_service_do_not_start(stack: Stack) -> None:
    twice = [Subscription("participants", Following(), frozenset({Counted}))] * 2
    service = replace(COUNTING, compose=lambda app: Composition(subscriptions=twice))
    async with toy_database(stack) as url:
        app = App(service, settings_for(service, url))
        with pytest.raises(ValueError, match="share a topic"):
            Process(app)
        await app.close()


async def test_request_in_flight_is_answered_before_the_process_leaves(stack: Stack) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def held(tx: Tx, items: Sequence[Add], /) -> list[Accepted | Rejected]:
        begun.set()
        await go.wait()
        return await count(tx, items)

    def compose(app: App) -> Composition:
        door, routes = app.door(held), APIRouter()

        @routes.post("/held")
        async def hold() -> dict[str, str]:
            return {"outcome": type(await door.submit(Add(new_id(), 1))).__name__}

        return Composition(routers=[routes])

    port = choose(["api"], previous={}, demanded={})["api"]
    service = replace(COUNTING, compose=compose)
    async with toy(service, stack, http_port=port, roles=frozenset({Role.API})) as h:
        process = Process(h.app)
        serving = asyncio.create_task(process.tasks()["http"](process.stop))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
            await eventually(lambda: answers(port))
            assert (await client.get("/health/ready")).status_code == 200, "an API needs no Kafka"
            asked = asyncio.create_task(client.post("/held"))
            await asyncio.wait_for(begun.wait(), 60)
            process.stop.set()
            await eventually(lambda: not answers(port), what="no new connections")
            go.set()
            assert (await asked).json() == {"outcome": "Accepted"}
        await asyncio.wait_for(serving, 60)
        assert len(await h.events()) == 1


async def test_dangerous_set_up_does_not_start_and_says_why() -> None:
    environ = environment("counting", "postgresql://nobody@127.0.0.1:1/none", "127.0.0.1:1", "t.")
    async with started("counting", environ | {"PERISAI_MASTER_KEY": "short", "PERISAI_ROLES": "everything"}) as process:
        assert await process.ended() != 0
        assert process.said("does not start")
        assert process.said("PERISAI_MASTER_KEY") and process.said("PERISAI_ROLES")
