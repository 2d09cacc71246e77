"""S2: what a subscriber was told is what it does. Read back from every running consumer, and shown by a kill inside a handler.

An auto-commit flag that is ignored (faststream #2610) or a policy that does not reach a router acknowledges what was never handled.
"""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path

import pytest
from faststream import AckPolicy

from chassis.ids import new_id
from chassis.process import Process
from tests.faults.evidence import Evidence, Violation
from tests.faults.stories import facts
from tests.faults.stories.pair import pair, patiently
from tests.faults.stories.subscribers import Subscriber, services, subscribed
from tests.faults.stories.warm import warmed
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import Add, count, running
from tests.support.toy_processes import environment, fired

MEMBER_TIMEOUT_MS = 10_000
RESTART_S, BUDGET_S = 1.0, 6.0
RECOVERING = ("group_instance_id", "session_timeout_ms")
"""What decides how soon a killed member's records are read again: a dynamic one keeps its partitions until it times out."""


@pytest.mark.cell("story.S2", fault="S2", service="all")
async def test_every_running_subscriber_commits_by_hand_starts_at_the_beginning_and_is_a_static_member(
    stack: Stack, evidence: Evidence
) -> None:
    async with services(stack) as (prefix, hs), subscribed(prefix, hs, {}) as subscribers:
        for process in {id(one.process): one.process for one in subscribers}.values():
            await eventually(lambda p=process: p._broker is not None, within_s=30)  # type: ignore[misc]
        names = [str(found[f"{one.name} group_instance_id"]) for one in subscribers for found in [effective(one)]]
        wrong = [v for one in subscribers for v in unlike(one)]
    twice = [facts.wrong("consumer", "group_instance_id", "unique", names)] if len({*names}) < len(names) else []
    evidence.fired(len(subscribers), of=6, unit="record")
    late = [v for v in wrong if v["key"].endswith(RECOVERING)]
    each = len(expected_of(subscribers[0]))
    evidence.holds("I11", checked=len(subscribers) * len(RECOVERING), violations=[*late, *twice])
    lost = [v for v in wrong if v not in late]
    evidence.holds("I2", checked=len(subscribers) * (each - len(RECOVERING)), violations=lost)


def effective(one: Subscriber) -> dict[str, object]:
    """Settings read back from the aiokafka consumer and the FastStream subscriber that run."""
    (subscriber,) = [
        s for c, s in zip(one.process.consumers, one.process.subscribers, strict=True) if c is one.consumer
    ]
    consumer = subscriber.consumer
    assert consumer is not None
    coordinator = consumer._coordinator
    found = {
        "enable_auto_commit": consumer._enable_auto_commit,
        "auto_offset_reset": consumer._auto_offset_reset,
        "group_instance_id": consumer._group_instance_id,
        "session_timeout_ms": coordinator._session_timeout_ms,
        "rebalance_above_patience": coordinator._rebalance_timeout_ms > 30_000,
        "ack_policy": subscriber.ack_policy,
        "no_reply": subscriber._no_reply,
        "batch": type(subscriber).__name__,
    }
    return {f"{one.name} {name}": value for name, value in found.items()}


def expected_of(one: Subscriber) -> dict[str, object]:
    wanted = {
        "enable_auto_commit": False,
        "auto_offset_reset": "earliest",
        "group_instance_id": f"{one.h.service.name}-0-{one.consumer.topic}",
        "session_timeout_ms": MEMBER_TIMEOUT_MS,
        "rebalance_above_patience": True,
        "ack_policy": AckPolicy.NACK_ON_ERROR,
        "no_reply": True,
        "batch": "BatchSubscriber",
    }
    return {f"{one.name} {name}": value for name, value in wanted.items()}


def unlike(one: Subscriber) -> list[Violation]:
    found = effective(one)
    return [facts.wrong("consumer", n, value, found[n]) for n, value in expected_of(one).items() if found[n] != value]


@pytest.mark.cell("story.S2", fault="S2", service="chassis")
async def test_message_in_the_hand_of_a_killed_reader_comes_back_in_time(
    stack: Stack, evidence: Evidence, tmp_path: Path
) -> None:
    await _killed_at("P1", stack, evidence, tmp_path)


@pytest.mark.cell("story.S2", fault="S2", service="chassis", tier="long")
@pytest.mark.parametrize("point", ["P2", "appended", "before_commit", "P5"])
async def test_message_in_hand_comes_back_wherever_its_reader_is_killed(
    stack: Stack, evidence: Evidence, tmp_path: Path, point: str
) -> None:
    await _killed_at(point, stack, evidence, tmp_path)


async def _killed_at(point: str, stack: Stack, evidence: Evidence, tmp_path: Path) -> None:
    async with pair(stack) as both:
        url = both.reader.app.settings.database_url
        environ = environment("totals", url, stack.kafka_bootstrap, both.prefix, PERISAI_ROLES="consumers")
        faulty = environ | {"FAULT_AT": point, "FAULT_HIT": "2", "FAULT_LOG": str(tmp_path / "fired")}
        keys = [new_id() for _ in range(10)]
        async with (
            running(Process(both.writer.app)),
            warmed("totals", faulty) as doomed,
            warmed("totals", environ) as heir,
        ):
            doomed.go()
            await both.writer.run(
                count, [Add(keys[0], 1)]
            )  # one record is one batch: its second hit is of what follows
            await patiently(both.drained, within_s=30)  # it has read and acknowledged before: it is a member
            await both.writer.run(count, [Add(key, 2) for key in keys])
            assert await doomed.ended() == -signal.SIGKILL
            killed = time.monotonic()
            await asyncio.sleep(RESTART_S)
            heir.go()
            await patiently(lambda: _applied(both.reader, 1 + len(keys)), within_s=30)
            took = time.monotonic() - killed
            await patiently(both.drained, within_s=15)
            await both.judge(evidence)
        evidence.fired(fired(tmp_path / "fired"), of=1, unit="kill")
        evidence.recovered(took, budget_s=BUDGET_S)


async def _applied(reader: Harness, events: int) -> bool:
    return len(await facts.logged(reader, "totals")) >= events
