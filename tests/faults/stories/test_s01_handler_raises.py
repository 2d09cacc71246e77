"""S1: a message whose handler raises is neither lost nor read for ever: its key parks once after 5 attempts, its neighbours flow.

Others lose it (FastStream's ACK_FIRST, ACK, REJECT_ON_ERROR) or re-read it without end and without delay (NACK_ON_ERROR): faststream #2618,
#1001, #1721. Shown with effects on the toy reader, and for every subscriber of every service with the real subscriber and parking.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from chassis.process import Process
from chassis.records import Outcome, Received
from chassis.transaction import Tx
from tests.faults.evidence import Evidence, Violation
from tests.faults.stories import facts
from tests.faults.stories.pair import lag, pair, patiently
from tests.faults.stories.subscribers import Raising, Subscriber, services, subscribed
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import Add, Counted, Following, count, running

KEYS, PER_KEY = 10, 4
ATTEMPTS = 5


class Watched(Following):
    """The toy reader; counts how often each poison event was tried alone."""

    def __init__(self) -> None:
        super().__init__()
        self.alone: Counter[UUID] = Counter()

    async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        for item in items:
            if len(items) == 1 and isinstance(item.event, Counted) and item.event.by == 97 and self.broken:
                self.alone[item.envelope.event_id] += 1
        return await super().__call__(tx, items)


@pytest.mark.cell("story.S1", fault="S1", service="chassis")
async def test_event_that_breaks_its_handler_parks_its_key_alone_and_is_applied_once_after_the_repair(
    stack: Stack, evidence: Evidence
) -> None:
    handler = Watched()
    async with pair(stack, handler) as both:
        keys = [new_id() for _ in range(KEYS)]
        async with running(Process(both.writer.app)):
            async with running(Process(both.reader.app)):
                for number in range(1, PER_KEY + 1):
                    # of the first key the second event raises
                    await both.writer.run(
                        count, [Add(k, 97 if (n, number) == (0, 2) else number) for n, k in enumerate(keys)]
                    )
                await eventually(both.drained, within_s=40, what="the offset moved past it")
            await both.judge(evidence, parked=1)
            await _judge_parked(evidence, both.reader, keys[0], handler)
            handler.broken = False
            async with running(Process(both.reader.app)):  # a restart: nothing was lost, an operator retries
                assert await both.reader.ask_retry("counters", str(keys[0]))
                await patiently(lambda: _none_parked(both.reader), within_s=15)
        await both.judge(evidence)
    evidence.fired(1, of=1, unit="record")


async def _judge_parked(evidence: Evidence, reader: Harness, key: UUID, handler: Watched) -> None:
    (parked,) = await reader.parked()
    wrong = (
        []
        if (parked.key, parked.reason) == (str(key), "failed")
        else [facts.wrong("progress", key, "failed", parked.reason)]
    )
    tried = list(handler.alone.values())
    wrong += [] if tried == [ATTEMPTS] else [facts.wrong("handler", key, f"{ATTEMPTS} attempts", tried)]
    wrong += (
        []
        if parked.events == PER_KEY - 1
        else [facts.wrong("parked_events", key, f"{PER_KEY - 1} events", parked.events)]
    )
    looked, ahead = await facts.parked_ahead(reader, "counters")
    effects = Counter(fact.key for fact in await facts.logged(reader, "totals"))
    passed = (
        [] if effects[str(key)] == 1 else [facts.wrong("totals", key, "the event before it alone", effects[str(key)])]
    )
    evidence.holds("I6", checked=looked, violations=[*ahead, *passed])
    evidence.holds("I9", checked=KEYS, violations=wrong)


async def _none_parked(h: Harness) -> bool:
    return not await h.parked()


@pytest.mark.cell("story.S1", fault="S1", service="all")
async def test_every_subscriber_of_every_service_parks_what_breaks_its_handler_and_goes_on(
    stack: Stack, evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers: dict[str, Raising] = {}
    async with services(stack) as (prefix, hs):
        async with subscribed(prefix, hs, handlers) as subscribers:
            keys = {one.name: [new_id() for _ in range(KEYS)] for one in subscribers}
            for one in subscribers:
                await one.write(stack, keys[one.name], PER_KEY)
            for one in subscribers:
                await eventually(lambda one=one: acknowledged(stack, one), within_s=30, what=one.name)  # type: ignore[misc]
        said = capsys.readouterr().out
        for one in subscribers:
            poisoned, mine = keys[one.name][0], keys[one.name]
            expected = {str(key): (1 if key == poisoned else PER_KEY) for key in mine}
            evidence.holds("I2", checked=KEYS * PER_KEY, violations=await standing_apart(one, expected))
            evidence.holds("I9", checked=KEYS, violations=await parked_otherwise(one, mine, said))
            one.handler.broken = False
            assert await one.h.ask_retry(one.stream, str(poisoned))
        async with subscribed(prefix, hs, handlers) as subscribers:
            for one in subscribers:
                await patiently(lambda one=one: _none_parked(one.h), within_s=15)  # type: ignore[misc]
                everything = {str(key): PER_KEY for key in keys[one.name]}
                evidence.holds("I2", checked=KEYS * PER_KEY, violations=await standing_apart(one, everything))
    evidence.fired(len(handlers), of=len(subscribers), unit="record")


async def acknowledged(stack: Stack, one: Subscriber) -> bool:
    return await lag(stack, one.group, one.topic) == 0


async def standing_apart(one: Subscriber, expected: dict[str, int]) -> list[Violation]:
    """Keys whose `progress` is not at the seq where it should be."""
    query = sa.text("SELECT key, seq FROM progress WHERE stream = :stream")
    async with one.h.app.read() as conn:
        found = {row.key: row.seq for row in await conn.execute(query, {"stream": one.stream})}
    return [
        facts.wrong(one.name, k, f"seq {s}", f"seq {found.get(k)}") for k, s in expected.items() if found.get(k) != s
    ]


async def parked_otherwise(one: Subscriber, keys: Sequence[UUID], said: str) -> list[Violation]:
    """Whether just this key is parked, after so many attempts at its event alone, with all that follows.

    The log tells of each attempt. The handler cannot: not asked about every event of a batch, it takes one that stands beside others for alone.
    """
    found = [(key.key, key.reason, key.events) for key in await one.h.parked() if key.key in map(str, keys)]
    poisoned = keys[0]
    expected = [(str(poisoned), "failed", PER_KEY - 1)]
    wrong = [] if found == expected else [facts.wrong(one.name, poisoned, expected, found)]
    tried = sum("item_broken" in line and f"use_case={one.name} " in line for line in said.splitlines())
    return wrong + ([] if tried == ATTEMPTS else [facts.wrong(one.name, poisoned, f"{ATTEMPTS} attempts", tried)])
