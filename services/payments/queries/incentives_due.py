"""What the monthly run has to do now: agents and Wadah without their statement.

Who has one is asked by NOT IN over columns that are never null: PostgreSQL reads the month once into a hash table, whatever it believes of the
month. It knows nothing of one that came since the last ANALYZE (autoanalyze waits for a tenth of the table), expects a single row of it, and
would take nested loops: for the Wadah of 800 agents 26 million rows instead of 2,440, for those of 10,000 longer than a transaction may last.
The hash table is taken up to some 200,000 agents (work_mem 4 MB, hash_mem_multiplier 2).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.queries.incentives import LONGEST_PREPAYMENT, Run
from services.payments.tables.incentives import agents, agreements, incentive_statements, wadah_statements

OF_RUN = incentive_statements.alias("of_run")
"""The agents' statements that a Wadah's is made of."""


def awaits_statement(run: Run) -> sa.ColumnElement[bool]:
    """Over `agents`: activated before the closing, and without the run's statement.

    An agent whose last agreement ended goes on for as long as what was prepaid under it may be corrected, and while a balance is open. One who
    is told of after his Wadah has its statement gets none: it would be in no payout; the month comes as an adjustment of the next run. So it
    does where the Wadah's agreement is told of after the run.
    """
    s, w, a, month = incentive_statements, wadah_statements, agreements, str(run.month)
    ended = sa.func.least(a.c.term_to, sa.func.coalesce(a.c.ended_on, a.c.term_to))
    oldest = run.month + -LONGEST_PREPAYMENT
    still = sa.exists().where(a.c.wadah_id == agents.c.wadah_id, sa.func.to_char(ended, "YYYY-MM") >= str(oldest))
    owes = sa.exists().where(s.c.agent_id == agents.c.agent_id, s.c.carried_out < 0, s.c.month == str(run.month + -1))
    has_none = agents.c.agent_id.not_in(sa.select(s.c.agent_id).where(s.c.month == month))
    is_open = agents.c.wadah_id.not_in(sa.select(w.c.wadah_id).where(w.c.month == month))
    return sa.and_(agents.c.activated_at < run.closed_at, sa.or_(still, owes), has_none, is_open)


async def agents_without_statement(
    conn: AsyncConnection, run: Run, limit: int, held_back: sa.ColumnElement[bool]
) -> list[str]:
    """Keys agent:month, by agent."""
    query = (
        sa.select(agents.c.agent_id)
        .where(awaits_statement(run), sa.not_(held_back))
        .order_by(agents.c.agent_id)
        .limit(limit)
    )
    return [statement_key(row.agent_id, run.month) for row in await conn.execute(query)]


async def wadah_without_statement(
    conn: AsyncConnection, run: Run, limit: int, held_back: sa.ColumnElement[bool]
) -> list[str]:
    """Keys Wadah:month of those whose agents all have their statements, by Wadah."""
    s, w, month = OF_RUN, wadah_statements, str(run.month)
    query = (
        sa.select(s.c.wadah_id)
        .distinct()
        .where(
            s.c.month == month,
            s.c.wadah_id.not_in(sa.select(w.c.wadah_id).where(w.c.month == month)),
            s.c.wadah_id.not_in(sa.select(agents.c.wadah_id).where(awaits_statement(run))),
            sa.not_(held_back),
        )
        .order_by(s.c.wadah_id)
        .limit(limit)
    )
    return [statement_key(row.wadah_id, run.month) for row in await conn.execute(query)]


async def nothing_awaits(conn: AsyncConnection, run: Run) -> bool:
    """Whether every agent and every Wadah has the statement of this run."""
    none_held = sa.false()
    return not (
        await agents_without_statement(conn, run, 1, none_held)
        or await wadah_without_statement(conn, run, 1, none_held)
    )


def statement_key(owner: object, month: object) -> str:
    """The key of stream `incentives`: an agent or a Wadah, and a month."""
    return f"{owner}:{month}"
