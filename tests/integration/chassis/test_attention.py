"""What waits for a person is counted from state: a metric, a line of the status, and an alarm that is told and not repeated at every look."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY
from sqlalchemy.ext.asyncio import AsyncConnection
from structlog.testing import CapturingLogger

from chassis.attention import Attention, Concern
from chassis.ids import new_id
from chassis.service import App, Composition
from tests.support.stack import Stack
from tests.support.toy import COUNTING, Add, count, counters, toy

RUNBOOK = "docs/operations.md#incentive-payouts"


async def _large(conn: AsyncConnection, _: datetime) -> int:
    query = sa.select(sa.func.count()).select_from(counters).where(counters.c.total > 100)
    return int((await conn.execute(query)).scalar_one())


LARGE = Concern("large_counters", _large, runbook=RUNBOOK)


def _compose(app: App) -> Composition:
    return replace(COUNTING.compose(app), concerns=[LARGE])


WATCHED = replace(COUNTING, compose=_compose)


def _shown() -> float | None:
    return REGISTRY.get_sample_value("perisai_attention", {"concern": "large_counters"})


async def test_what_waits_is_told_once_shown_while_it_waits_and_ends_by_itself(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr("chassis.attention.log", log)
    async with toy(WATCHED, stack) as h:
        attention = Attention(h.app.engine, h.app.clock, h.app.composition.concerns)
        await attention.look()
        assert (_shown(), log.calls) == (0, [])
        await h.run(count, [Add(new_id(), 101)])
        await attention.look()
        await attention.look()
        assert _shown() == 1
        (told,) = log.calls
        assert (told.method_name, told.args) == ("error", ("attention_needed",))
        assert (told.kwargs["concern"], told.kwargs["count"]) == ("large_counters", 1)
        await h.run(count, [Add(new_id(), 101)])
        await attention.look()
        assert [one.kwargs["count"] for one in log.calls] == [1, 2], "one more is told at once"
        status = (await h.client.get("/ops/status", headers=h.token(roles=["operator"]))).json()
        assert status["attention"] == {"large_counters": 2}


async def test_a_service_without_concerns_says_so(stack: Stack) -> None:
    async with toy(COUNTING, stack) as h:
        status = (await h.client.get("/ops/status", headers=h.token(roles=["operator"]))).json()
        assert status["attention"] == {}
