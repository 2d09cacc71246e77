"""Through which day the sets of incentives were used: they are asked for the first day of a month, once its run is closed.

A month whose run closes within a day counts as closed: what is approved now may be unknown to another process for a moment, and a run that
opens in the same instant reads no set that is not law yet.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from chassis.transaction import Tx
from contracts.values import ContributionMonth
from services.payments.commands.incentives.runs import next_month
from services.payments.commands.parameters import UsedThrough
from services.payments.domain.incentives.runs import run_of
from services.payments.domain.parameters.incentives import DROP_MONTHS, INCENTIVE_NEW, INCENTIVE_OLD, TAX_BPS
from services.payments.parameters import Parameters
from services.payments.queries import incentives as queries

MARGIN = timedelta(days=1)


def months_used(parameters: Parameters) -> Mapping[str, UsedThrough]:
    """For `ChangeParameters`: the kinds that are asked for past months only. A tax rate is that of the month after."""
    return {
        INCENTIVE_OLD.name: MonthsUsed(parameters, asked_after=0),
        INCENTIVE_NEW.name: MonthsUsed(parameters, asked_after=0),
        DROP_MONTHS.name: MonthsUsed(parameters, asked_after=0),
        TAX_BPS.name: MonthsUsed(parameters, asked_after=1),
    }


@dataclass(frozen=True, slots=True)
class MonthsUsed:
    """The same for every subject: a run closes for all Wadah at once, and corrections ask for any closed month."""

    parameters: Parameters
    asked_after: int
    """Months after the incentive month whose first day a set is asked for."""

    async def __call__(self, tx: Tx, subjects: Collection[str | None]) -> Mapping[str | None, date]:
        month = await self._closed(tx)
        if month is None:
            return {}
        asked = month + self.asked_after
        return dict.fromkeys(subjects, date(asked.year, asked.month, 1))

    async def _closed(self, tx: Tx) -> ContributionMonth | None:
        """The last month that is closed or about to be; None before the first."""
        sets = await self.parameters.sets(tx.conn)
        last = await queries.last_run(tx.conn)
        closed, after = None if last is None else last.month, await next_month(tx.conn, last)
        while after is not None and run_of(after, sets).closed_at <= tx.now + MARGIN:
            closed, after = after, after + 1
        return closed
