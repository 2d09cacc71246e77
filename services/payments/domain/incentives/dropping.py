"""The drop rules as facts (domain.md section 2): months in a row without result, and whether they are as many as the rule allows. Pure.

What follows from it is not decided here: the branch drops an agent, and ends an agreement, by two people of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from contracts.events.agency import IncentiveScheme
from contracts.events.incentives import (
    AgentDropFellDue,
    AgreementEndFellDue,
    Earnings,
    IncentiveStatementIssued,
    WadahStatementIssued,
)
from contracts.values import ContributionMonth
from services.payments.domain.incentives.workers import Agreement, Worker


class Without(NamedTuple):
    """Calendar months in a row without result, and whether they are as many as the rule of the last of them allows, of who is at work."""

    months: int = 0
    due: bool = False


NEVER = Without()


def of_agent(
    worker: Worker,
    month: ContributionMonth,
    earned: Earnings,
    before: Without,
    *,
    drop_months: int,
    closed_at: datetime,
) -> Without:
    """After this month. An acquisition keeps an agent (NEW), or that and any contribution (OLD); only full months after he began.

    Due is who is ACTIVE at the closing of the month's run under an agreement that is in force then: of others there is nobody to drop.
    A month under no agreement, in which nobody can have a result, begins anew.
    """
    agreement, began = worker.agreements.in_month(month), worker.began_in
    if agreement is None or began is None or month <= began:
        return NEVER
    if earned.acquisitions > 0 or (agreement.scheme is IncentiveScheme.OLD and earned.received > 0):
        return NEVER
    months = before.months + 1
    at_work = worker.is_active_at(closed_at) and worker.agreements.bind_at(closed_at)
    return Without(months, months >= drop_months and at_work)


def of_wadah(
    agreement: Agreement | None,
    month: ContributionMonth,
    acquisitions: int,
    before: Without,
    *,
    drop_months: int,
    closed_at: datetime,
) -> Without:
    """Months below the target after this one; full months of the agreement only. An end is due of a NEW agreement in force at the closing.

    `agreement`: that of the month, None where there was none; `before`: as of the month before, under the same one.
    """
    if agreement is None or agreement.monthly_target is None or acquisitions >= agreement.monthly_target:
        return NEVER
    if month.starts_at < agreement.begins_at or agreement.ends_at < month.ends_at:
        return NEVER
    months = before.months + 1
    binds = agreement.scheme is IncentiveScheme.NEW and closed_at < agreement.ends_at
    return Without(months, months >= drop_months and binds)


def end_fell_due(issued: WadahStatementIssued, before: Without) -> AgreementEndFellDue | None:
    """As `fell_due`, of a Wadah below its target."""
    if not issued.end_due or before.due or issued.monthly_target is None:
        return None
    return AgreementEndFellDue(
        wadah_id=issued.wadah_id,
        month=issued.month,
        monthly_target=issued.monthly_target,
        months_below=issued.months_below,
        drop_months=issued.drop_months,
    )


def fell_due(issued: IncentiveStatementIssued, before: Without) -> AgentDropFellDue | None:
    """The fact that others act on, told once: with the first statement that says so in a row."""
    if not issued.drop_due or before.due:
        return None
    return AgentDropFellDue(
        agent_id=issued.agent_id,
        wadah_id=issued.wadah_id,
        month=issued.month,
        scheme=issued.scheme,
        months_without=issued.months_without,
        drop_months=issued.drop_months,
    )
