"""Too large and too many: an event over 256 KiB is refused where it is made, and a reader that fails in bulk stops before it does damage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chassis import eventlog
from chassis.batches import Broken
from chassis.ids import new_id
from chassis.outcomes import Accepted
from chassis.process import Process
from chassis.transaction import EventTooLarge
from tests.faults.evidence import Evidence
from tests.faults.inputs.kafka import Reading, of_totals
from tests.faults.inputs.refusals import unlike
from tests.faults.inputs.test_kafka_rows import applied, counted
from tests.faults.stories.pair import pair
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.toy import Add, count, running

pytestmark = pytest.mark.timeout(600)
OVER = "x" * eventlog.MAX_PAYLOAD_BYTES
JUST_UNDER = "x" * (eventlog.MAX_PAYLOAD_BYTES * 3 // 4 - 1_000)
"""Sealed it grows by a third."""
IN_A_ROW = 20


@pytest.mark.cell("input.kafka.too_large", fault="inputs", service="chassis")
async def test_event_over_the_limit_is_refused_at_append_and_the_largest_one_travels(
    stack: Stack, evidence: Evidence
) -> None:
    async with pair(stack) as both:
        keys = [new_id() for _ in range(5)]
        notes = (None, OVER, JUST_UNDER, OVER, None)
        asked = [Add(key, 1, note) for key, note in zip(keys, notes, strict=True)]
        outcomes = await both.writer.run(count, asked)
        refused = [type(o.error) if isinstance(o, Broken) else type(o) for o in outcomes]
        expected = [EventTooLarge if note is OVER else Accepted for note in notes]
        logged = {e.envelope.key for e in await both.writer.events()}
        found = unlike(
            ("outcomes", expected, refused),
            ("event_log", {str(k) for k, n in zip(keys, notes, strict=True) if n is not OVER}, logged),
        )
        both.reader.app.keys.cache.update(both.writer.app.keys.cache)
        async with running(Process(both.writer.app)), running(Process(both.reader.app)):
            await eventually(both.drained, within_s=60, what="no relay sticks on it")
        await both.judge(evidence)
        found += unlike(("applied", len(logged), len(await applied(both.reader))))
    evidence.fired(refused.count(EventTooLarge), of=2, unit="record")
    evidence.holds("I9", checked=len(asked), violations=found)


async def blows(reading: Reading, capsys: pytest.CaptureFixture[str]) -> str:
    """Runs the reader until its fuse blows; gives what it logged."""
    async with running(reading.process):
        await eventually(lambda: reading.consumer.stopped_because is not None, within_s=60, what="fuse blown")
        assert await reading.process._consumers_check(), "a reader that has stopped is not ready, and says why"
    return capsys.readouterr().out


@pytest.mark.cell("input.kafka.fuse", fault="inputs", service="chassis")
async def test_strange_records_in_a_row_stop_the_reader_and_none_is_put_aside_in_bulk(
    stack: Stack, evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    async with of_totals(stack) as reading:
        good, bad = new_id(), new_id()
        await reading.put([counted(reading.h, good, 1)])
        await reading.put([replace(counted(reading.h, bad, 1), value=b"hello") for _ in range(2 * IN_A_ROW)])
        said = await blows(reading, capsys)
        letters, moved = len(await reading.letters()), await reading.committed()
    found = unlike(("alarm", True, "fuse_blown" in said))
    found += unlike(("fewer letters than blow it", True, letters < IN_A_ROW), ("offsets", True, moved <= letters + 1))
    evidence.fired(2 * IN_A_ROW, of=2 * IN_A_ROW, unit="record")
    evidence.holds("I9", checked=reading.written, violations=found)


@pytest.mark.cell("input.kafka.fuse", fault="inputs", service="chassis")
async def test_one_failure_in_twenty_over_a_long_window_stops_the_reader_too(
    stack: Stack, evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    async with of_totals(stack) as reading:
        records = [counted(reading.h, new_id(), 98 if n % 17 == 0 else 1) for n in range(600)]
        await reading.put(records)
        said, letters = await blows(reading, capsys), await reading.letters()
        parked, moved = len(await reading.parked()), await reading.committed()
    found = unlike(("alarm", True, "fuse_blown" in said), ("offsets stand", True, moved < len(records)))
    found += unlike(("parked", True, 20 < parked <= 36), ("letters", 0, len(letters)))
    evidence.fired(sum(n % 17 == 0 for n in range(600)), of=36, unit="record")
    evidence.holds("I9", checked=len(records), violations=found)
