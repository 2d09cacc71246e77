"""Runs: one per calendar month, in order, each closed by the calendar (domain.md section 7, run days)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from contracts.events.incentives import IncentiveRunOpened
from contracts.values import WIB, ContributionMonth
from services.payments.domain.parameters.incentives import RUN_DAYS
from services.payments.domain.parameters.sets import Sets


def run_of(month: ContributionMonth, sets: Sets) -> IncentiveRunOpened:
    """The run of a month with its instants: closed at 24:00 WIB of the closing day of the month after it, the rest from 00:00 WIB on."""
    after = month + 1
    days = sets.on(RUN_DAYS, _asked_on(month))
    return IncentiveRunOpened(
        month=month,
        closed_at=_day(after, days.close) + timedelta(days=1),
        statements_at=_day(after, days.statements),
        orders_at=_day(after, days.orders),
        pay_by=_day(after, days.paid) + timedelta(days=1),
    )


def rules_of(month: ContributionMonth, sets: Sets) -> str:
    """The version of the set that gives a run its days."""
    return sets.version_on(RUN_DAYS, _asked_on(month))


def _asked_on(month: ContributionMonth) -> date:
    after = month + 1
    return date(after.year, after.month, 1)


def _day(month: ContributionMonth, day: int) -> datetime:
    """00:00 WIB of a day."""
    return datetime(month.year, month.month, day, tzinfo=WIB)
