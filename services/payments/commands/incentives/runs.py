"""The run of a month: opened by the calendar after the month before it is complete, completed when every statement is issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Scope, Tx
from contracts.events.incentives import IncentiveRunCompleted, IncentiveRunOpened
from contracts.values import ContributionMonth, Rupiah
from services.payments.commands.incentives.turns import alone
from services.payments.domain.incentives.runs import rules_of, run_of
from services.payments.domain.parameters import Sets
from services.payments.parameters import Parameters
from services.payments.queries import incentives as queries
from services.payments.queries import incentives_due as due
from services.payments.queries import incentives_issued as before

STREAM = "incentive-runs"


@dataclass(frozen=True, slots=True)
class TurnRuns:
    """The use case of the timer; its key is the month that can go a step."""

    parameters: Parameters
    __name__ = "turn_incentive_runs"

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
        sets = await self.parameters.sets(tx.conn)
        await alone(tx)
        await tx.heads(STREAM, {item.key for item in items})
        for item in items:
            step = await next_step(tx.conn, sets, tx.now)
            if step is not None and str(step.month) == item.key:
                tx.record(step, key=item.key, meta=item.meta, scope=Scope(), rules=rules_of(step.month, sets))
        return [Done() for _ in items]


async def next_step(
    conn: AsyncConnection, sets: Sets, now: datetime
) -> IncentiveRunOpened | IncentiveRunCompleted | None:
    """What can be said of the runs now; None while the calendar or the statements are not that far."""
    last = await queries.last_run(conn)
    if last is not None and last.completed_at is None:
        return await _completed(conn, last, now)
    month = await next_month(conn, last)
    if month is None:
        return None
    opened = run_of(month, sets)
    return opened if opened.closed_at <= now else None


async def _completed(conn: AsyncConnection, run: queries.Run, now: datetime) -> IncentiveRunCompleted | None:
    if now < run.statements_at or not await due.nothing_awaits(conn, run):
        return None
    totals = await before.totals_of(conn, run.month)
    return IncentiveRunCompleted(
        month=run.month,
        agents=totals["agents"],
        wadah=totals["wadah"],
        lines=totals["lines"],
        payout=Rupiah(totals["payout"]),
    )


async def next_month(conn: AsyncConnection, last: queries.Run | None) -> ContributionMonth | None:
    """The month after the last run; before the first, the month in which the first agent began."""
    if last is not None:
        return last.month + 1
    began = await queries.first_activation(conn)
    return None if began is None else ContributionMonth.of(began)
