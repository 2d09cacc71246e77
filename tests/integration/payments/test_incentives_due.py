"""What a run finds due costs rows in proportion to the agents, also where PostgreSQL's statistics do not know the run's month yet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest
import sqlalchemy as sa

from chassis.service import App
from contracts.values import ContributionMonth
from services.payments.app import SERVICE
from services.payments.queries import incentives_due as due
from services.payments.queries import incentives_shown as shown
from services.payments.queries.incentives import Run
from services.payments.tables.incentives import incentive_statements
from tests.support.clock import FakeClock
from tests.support.counters import watched
from tests.support.service import settings_for
from tests.support.stack import Stack

WADAH, AGENTS_EACH = 20, 40
AGENTS = WADAH * AGENTS_EACH
AGREEMENTS_TOLD = (
    "INSERT INTO agreements (wadah_id, agreement, branch_id, name, agreement_number, scheme, term_from, term_to)"
    " SELECT gen_random_uuid(), 1, gen_random_uuid(), 'n', 'p'||i, 'NEW', '2024-01-01', '2026-12-31'"
    f" FROM generate_series(1, {WADAH}) i"
)
AGENTS_TOLD = (
    "INSERT INTO agents (agent_id, code, wadah_id, branch_id, participant_id, activated_at, duties, began_at)"
    " SELECT gen_random_uuid(), 'c'||i, g.wadah_id, g.branch_id, gen_random_uuid(), '2024-01-05', '[]', '2024-01-05'"
    f" FROM agreements g, generate_series(1, {AGENTS_EACH}) i"
)
OF_AGENT = {"agent_id": "a.agent_id", "wadah_id": "a.wadah_id", "branch_id": "a.branch_id", "month": "m.month"}
OTHERS = {"event_id": "gen_random_uuid()", "issued_at": "now()", "agreement": "1"}
DAY = datetime(2026, 7, 3, tzinfo=UTC)
RUN = Run(
    month=ContributionMonth(2026, 6), closed_at=DAY, statements_at=DAY, orders_at=DAY, pay_by=DAY, completed_at=None
)


def _value(column: sa.Column[object]) -> str:
    if known := (OF_AGENT | OTHERS).get(column.name):
        return known
    if isinstance(column.type, sa.Boolean):
        return "false"
    return "0" if isinstance(column.type, sa.Integer) else "'x'"


def _statements(first: str, last: str) -> str:
    """One of every agent and month, from the one to the other."""
    columns = list(incentive_statements.columns)
    return (
        f"INSERT INTO incentive_statements ({', '.join(c.name for c in columns)})"
        f" SELECT {', '.join(map(_value, columns))} FROM agents a, (SELECT to_char(d, 'YYYY-MM') AS month"
        f" FROM generate_series('{first}'::date, '{last}', '1 month') d) m"
    )


@pytest.fixture
async def app(stack: Stack) -> AsyncIterator[App]:
    """Two years of statements, analysed, and then those of June 2026: a 25th of the table, and autoanalyze waits for a tenth."""
    async with stack.database(SERVICE.name) as database:
        owner = await asyncpg.connect(database.owner_url)
        analysed = (AGREEMENTS_TOLD, AGENTS_TOLD, _statements("2024-06-01", "2026-05-01"), "ANALYZE")
        for statement in (*analysed, _statements("2026-06-01", "2026-06-01")):
            await owner.execute(statement)
        await owner.close()
        found = App(SERVICE, settings_for(SERVICE, database.writer_url), clock=FakeClock())
        yield found
        await found.close()


async def test_a_month_that_statistics_do_not_know_is_read_once_and_not_once_an_agent(app: App) -> None:
    async with watched(app) as seen, app.read() as conn:
        assert await due.agents_without_statement(conn, RUN, 100, sa.false()) == []
        assert await shown.agents_awaiting(conn, RUN) == 0
        assert len(await due.wadah_without_statement(conn, RUN, 200, sa.false())) == WADAH
    for statement, rows in (await seen.rows_handled()).items():
        assert rows < 10 * AGENTS, statement  # by nested loops some 800 and 30,000 times AGENTS
