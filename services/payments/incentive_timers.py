"""What falls due in the monthly run of the incentives: the run itself, statements of agents and Wadah, payouts, alarms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.timers import Timer, backed_off
from services.payments.commands.incentives.issue import IssueStatements
from services.payments.commands.incentives.issue_wadah import IssueWadahStatements
from services.payments.commands.incentives.overdue import note_overdue_payouts
from services.payments.commands.incentives.payout import note_payouts, order_payouts
from services.payments.commands.incentives.runs import TurnRuns, next_step
from services.payments.parameters import Parameters
from services.payments.queries import incentive_payouts as payouts
from services.payments.queries import incentive_waiting as waiting
from services.payments.queries import incentives as queries
from services.payments.queries import incentives_due as due
from services.payments.queries.incentives import Run
from services.payments.tables.incentives import agents

RUNS, STATEMENTS, WADAH = "incentive-runs", "incentive-statements", "incentive-wadah"
ORDERS, PAYOUTS, OVERDUE = "incentive-orders", "incentive-payouts", "incentive-overdue"
PACE_S = 5.0
"""Between two looks at a queue that is empty for all but a few hours of a month."""
CHAIN = "incentives"
"""A run is opened, agents' statements are issued, then those of the Wadah, then it is complete and paid out, and the next may open: each step is
what the next one waits for, and none of them waits for a pace."""
AGENTS_PER_BATCH, WADAH_PER_BATCH = 100, 200
"""An agent's statement holds some 50 lines; a transaction of 100 of them stays far below its time limit."""

Find = Callable[[AsyncConnection, Run, int, sa.ColumnElement[bool]], Awaitable[list[str]]]


def timers(parameters: Parameters) -> Sequence[Timer]:
    async def runs_that_can_go_on(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        step = await next_step(conn, await parameters.sets(conn), now)
        return [] if step is None else [str(step.month)]

    return [
        Timer(RUNS, runs_that_can_go_on, TurnRuns(parameters), every_s=PACE_S, chain=CHAIN),
        Timer(
            STATEMENTS,
            _of_open_run(STATEMENTS, agents.c.agent_id, due.agents_without_statement),
            IssueStatements(parameters),
            every_s=PACE_S,
            batch=AGENTS_PER_BATCH,
            chain=CHAIN,
        ),
        Timer(
            WADAH,
            _of_open_run(WADAH, due.OF_RUN.c.wadah_id, due.wadah_without_statement),
            IssueWadahStatements(parameters),
            every_s=PACE_S,
            batch=WADAH_PER_BATCH,
            chain=CHAIN,
        ),
        Timer(ORDERS, _to_order, order_payouts, every_s=PACE_S, chain=CHAIN),
        Timer(PAYOUTS, _to_note, note_payouts, every_s=PACE_S, chain=CHAIN),
        Timer(OVERDUE, _to_tell, note_overdue_payouts, every_s=PACE_S),
    ]


async def _to_order(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    return await payouts.to_order(conn, now, limit, backed_off(ORDERS, payouts.KEY, now))


async def _to_note(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    return await payouts.to_note(conn, limit, backed_off(PAYOUTS, payouts.KEY, now))


async def _to_tell(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    return await waiting.to_tell(conn, now, limit, backed_off(OVERDUE, payouts.KEY, now))


def _of_open_run(
    timer: str, owner: sa.ColumnElement[object], find: Find
) -> Callable[[AsyncConnection, datetime, int], Awaitable[Sequence[str]]]:
    """Keys of the run that is open and whose statements are due by now."""

    async def found(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
        run = await queries.last_run(conn)
        if run is None or run.completed_at is not None or now < run.statements_at:
            return []
        key = sa.cast(owner, sa.Text).concat(f":{run.month}")
        return await find(conn, run, limit, backed_off(timer, key, now))

    return found
