"""Why there is no statement of a month: what the calendar and the month's run say, the same for everybody's, so nothing of anybody is told."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.http import NOT_FOUND
from chassis.http.dates import is_a_day
from chassis.problems import Rejected
from chassis.service import App
from contracts.values import ContributionMonth
from services.payments.domain.incentives.runs import run_of
from services.payments.parameters import Parameters
from services.payments.problems import STATEMENT_NOT_YET, STATEMENT_UNDER_WAY, when
from services.payments.queries import incentives as queries

ABSENT: Final = (NOT_FOUND, STATEMENT_NOT_YET, STATEMENT_UNDER_WAY)
"""All 404: it is not there."""


class Absent:
    def __init__(self, app: App, parameters: Parameters) -> None:
        self._app, self._parameters = app, parameters

    async def of(self, month: str) -> Rejected:
        """The refusal for a statement of this month (YYYY-MM) that was not found."""
        if not is_a_day(date(max(int(month[:4]), 1), int(month[5:]), 1)):
            return Rejected(NOT_FOUND)
        async with self._app.read() as conn:
            return await self._of(conn, ContributionMonth.parse(month))

    async def _of(self, conn: AsyncConnection, month: ContributionMonth) -> Rejected:
        run, last = await queries.run_of(conn, month), await queries.last_run(conn)
        due = run.statements_at if run else run_of(month, await self._parameters.sets(conn)).statements_at
        if self._app.clock.business() < due:
            return Rejected(STATEMENT_NOT_YET, values={"month": str(month), "from": when(due)})
        made = run.completed_at is not None if run else last is None or month < last.month
        return Rejected(NOT_FOUND) if made else Rejected(STATEMENT_UNDER_WAY, values={"month": str(month)})
