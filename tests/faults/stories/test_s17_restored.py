"""S17: a log restored into a new server, whose transaction ids start low, stops its relay loudly until an operator rebases it.

Seen: such a relay reads nothing and says nothing (stack.md 4.1). Afterwards every row of before and after reaches every reader, once.
What a restore does to the ids is done to them here; F25 restores a real dump into a real new server.
"""

from __future__ import annotations

import asyncio
import time

import pytest
import sqlalchemy as sa

from chassis.ids import new_id
from chassis.process import Process
from chassis.producer import make_producer
from chassis.rebase import rebase
from tests.faults.evidence import Evidence
from tests.faults.stories import facts
from tests.faults.stories.pair import Pair, pair, patiently
from tests.integration.chassis.test_relay import nothing_unpublished, relay
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, count, running

OLD_SERVER, AHEAD = 1, 9_000_000_000
ALARM_S = 30


@pytest.mark.cell("story.S17", fault="S17", service="chassis")
async def test_restored_log_is_told_and_after_the_rebase_reaches_its_reader_once(
    stack: Stack, evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    async with pair(stack) as both:
        keys = [new_id() for _ in range(20)]
        async with running(Process(both.reader.app)):
            async with running(Process(both.writer.app)):
                await both.writer.run(count, [Add(key, 1) for key in keys])
                await eventually(both.drained, within_s=40)
            await both.writer.run(count, [Add(key, 2) for key in keys])  # unpublished when the dump is taken
            await _restored(both)
            await both.writer.run(count, [Add(key, 3) for key in keys])  # accepted before anybody noticed
            took, told = await _refused(both)
            said = (
                []
                if "relay_stopped" in capsys.readouterr().out
                else [facts.wrong("log", "", "relay_stopped", "silence")]
            )
            named = [facts.wrong("relay", "", n, told) for n in (str(OLD_SERVER), await _server(both)) if n not in told]
            evidence.holds("I11", checked=2, violations=[*said, *named])
            evidence.recovered(took, budget_s=ALARM_S)
            await _rebased(both)
            async with running(Process(both.writer.app)):
                await both.writer.run(count, [Add(key, 4) for key in keys])
                await patiently(both.drained, within_s=40)
        await both.judge(evidence)
    evidence.fired(1, of=1, unit="run")


async def _restored(both: Pair) -> None:
    """Everything that the old server wrote has ids far ahead of those that this one gives."""
    async with both.writer.app.engine.begin() as conn:
        for table in ("event_log", "relay_cursors"):
            ahead = "CAST(CAST(CAST(CAST(tx_id AS text) AS bigint) + :ahead AS text) AS xid8)"
            await conn.execute(sa.text(f"UPDATE {table} SET tx_id = {ahead}"), {"ahead": AHEAD})
        await conn.execute(sa.text("UPDATE relay_cursors SET system_identifier = :old"), {"old": OLD_SERVER})


async def _server(both: Pair) -> str:
    async with both.writer.app.read() as conn:
        return str((await conn.execute(sa.text("SELECT system_identifier FROM pg_control_system()"))).scalar_one())


async def _refused(both: Pair) -> tuple[float, str]:
    """How long it took the relay to stop, and what it says; nothing was published meanwhile."""
    carrier, began = relay(both.writer, both.stack, both.prefix), time.monotonic()
    await asyncio.wait_for(carrier.run(asyncio.Event()), ALARM_S)
    assert not await nothing_unpublished(both.writer)
    return time.monotonic() - began, carrier.stopped_because or ""


async def _rebased(both: Pair) -> None:
    producer = make_producer([both.stack.kafka_bootstrap], client_id="rebase")
    await producer.start()
    try:
        what = {"service": "counting", "prefix": both.prefix, "catalogue": COUNTING.catalogue}
        await rebase(both.writer.app.engine, producer, **what)  # type: ignore[arg-type]
    finally:
        await producer.stop()
