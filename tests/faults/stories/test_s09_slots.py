"""S9: the relay needs no replication slot, and one that appears is told: a forgotten slot fills the disk, a failed-over one loses its place.

(Zalando 2025; DBZ-9688.) Only a standby's slot may exist: physical, and in use.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from chassis.ids import new_id
from tests.faults.evidence import Evidence
from tests.faults.stories import facts
from tests.integration.chassis.test_relay import nothing_unpublished, relay
from tests.support.eventually import eventually
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, count, toy, toy_topics

ALARM_S = 30


@pytest.mark.cell("story.S9", fault="S9", service="chassis")
async def test_no_slot_exists_and_one_that_appears_is_an_alarm(
    stack: Stack, evidence: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    async with toy(COUNTING, stack) as h, toy_topics(stack) as prefix:
        stop = asyncio.Event()
        relaying = asyncio.create_task(relay(h, stack, prefix).run(stop))
        await h.run(count, [Add(new_id(), 1) for _ in range(20)])
        await eventually(lambda: nothing_unpublished(h), within_s=30)
        strange = [facts.wrong("pg_replication_slots", name, "no slot", kind) for name, kind in await _slots(stack)]
        evidence.holds("I2", checked=20, violations=strange)
        async with _forgotten_slot(stack) as name:
            await eventually(lambda: shown() == 1, within_s=ALARM_S, what="the alarm")
            assert name in capsys.readouterr().out
        await eventually(lambda: shown() == 0, within_s=ALARM_S, what="the end of the alarm")
        stop.set()
        await relaying
        log, topic = await facts.logged(h, "counters"), await facts.published(stack, f"{prefix}participants")
        evidence.holds("I2", checked=len(log), violations=facts.not_carried(log, topic))
    evidence.fired(1, of=1, unit="record")


def shown() -> float | None:
    return REGISTRY.get_sample_value("perisai_replication_slots_unused")


async def _slots(stack: Stack) -> list[tuple[str, str]]:
    async with stack.admin() as admin:
        query = "SELECT slot_name, slot_type FROM pg_replication_slots WHERE slot_type <> 'physical' OR NOT active"
        return [(row["slot_name"], row["slot_type"]) for row in await admin.fetch(query)]


@asynccontextmanager
async def _forgotten_slot(stack: Stack) -> AsyncIterator[str]:
    """A slot that nobody reads. Physical and holding nothing yet: a logical one would need another wal_level."""
    name = stack.own_name("forgotten_")
    async with stack.admin() as admin:
        await admin.execute("SELECT pg_create_physical_replication_slot($1)", name)
        try:
            yield name
        finally:
            await admin.execute("SELECT pg_drop_replication_slot($1)", name)
