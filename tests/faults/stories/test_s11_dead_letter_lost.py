"""S11: while a dead letter cannot be written its reader stops and says so, and no offset moves past the record.

Others swallow the error and acknowledge: the record is nowhere (Digit-Core #1365).
"""

from __future__ import annotations

import pytest

from chassis.ids import new_id
from chassis.process import Process
from chassis.topicreader import read_topic
from deploy import topics
from deploy.topics import Topic
from tests.faults.evidence import Evidence, Violation
from tests.faults.stories import facts
from tests.faults.stories.pair import lag, patiently
from tests.integration.chassis.test_deadletters import committed
from tests.integration.chassis.test_relay import nothing_unpublished
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.topics import write_topic
from tests.support.toy import COUNTING, Add, Following, count, running, totals, toy, toy_topics

STRANGE = 3


@pytest.mark.cell("story.S11", fault="S11", service="chassis")
async def test_reader_waits_for_its_dead_letters_and_loses_nothing(
    stack: Stack, evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    async with toy_topics(stack, "participants", "claims") as prefix:
        where = {"kafka_bootstrap": stack.kafka_bootstrap, "topic_prefix": prefix}
        async with toy(COUNTING, stack, **where) as writer, toy(totals(Following()), stack, **where) as reader:
            topic, group, letters = f"{prefix}participants", f"{prefix}totals.participants", f"{prefix}dead-letters"
            key = new_id()
            strange = [(str(key).encode(), b"private \xff %d" % n, [("x", b"\xff")]) for n in range(STRANGE)]
            await write_topic(stack.kafka_bootstrap, topic, strange)
            process = Process(reader.app)
            process.letters._timeout_s = 0.5
            async with running(Process(writer.app)), running(process):
                (consumer,) = process.consumers

                async def decided() -> bool:
                    """It waits, as it should, or has passed the records over."""
                    return consumer.waiting_because is not None or await committed(stack, group, topic) > 0

                await patiently(decided, within_s=15)
                await writer.run(count, [Add(key, 1)])
                moved = await committed(stack, group, topic)
                said = "consumer_waits" in capsys.readouterr().out
                stopped = [] if moved == 0 else [facts.wrong(topic, group, "offset 0", moved)]
                stopped += [] if said else [facts.wrong("log", group, "consumer_waits", "silence")]
                evidence.holds("I9", checked=STRANGE, violations=stopped)
                own = [Topic(letters, 4, {"cleanup.policy": "delete"})]
                await topics.ensure(stack.kafka_bootstrap, own)
                await eventually(lambda: through(writer, stack, group, topic), within_s=40)
                evidence.holds("I9", checked=STRANGE, violations=await _unlike(stack, letters, topic))
            log, effects = await facts.logged(writer, "counters"), await facts.logged(reader, "totals")
            evidence.holds("I2", checked=len(log), violations=facts.not_applied_once(log, effects))
            assert await reader.parked() == []
            await topics.delete(stack.kafka_bootstrap, own)
    evidence.fired(STRANGE, of=STRANGE, unit="record")


async def through(writer: Harness, stack: Stack, group: str, topic: str) -> bool:
    """What the writer recorded is published, and acknowledged by the group."""
    return await nothing_unpublished(writer) and await lag(stack, group, topic) == 0


async def _unlike(stack: Stack, letters: str, topic: str) -> list[Violation]:
    """Letters distinct by place: just the strange records, each with its reason, hash and sealed bytes."""
    found = [letter async for letter in read_topic([stack.kafka_bootstrap], letters)]
    headers = [dict(letter.headers) for letter in found]
    places = {(h["topic"], h["partition"], h["offset"]) for h in headers}
    wrong = [] if len(places) == STRANGE else [facts.wrong(letters, topic, f"{STRANGE} letters", len(places))]
    for letter, told in zip(found, headers, strict=True):
        if not told.get("reason") or not told.get("hash") or b"private" in (letter.value or b""):
            wrong.append(facts.wrong(letters, letter.key, "reason, hash, sealed bytes", sorted(told)))
    return wrong
