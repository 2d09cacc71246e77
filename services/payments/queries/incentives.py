"""Who works for whom, and which runs there are: what the monthly run begins with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.agency import IncentiveScheme
from contracts.values import (
    AgentId,
    BranchId,
    ContributionMonth,
    ParticipantId,
    WadahId,
)
from services.payments.domain.incentives.workers import Agreement, Worker
from services.payments.tables.incentives import (
    agents,
    agreements,
    incentive_runs,
)

AgentMonth = tuple[AgentId, ContributionMonth]
month_of = lru_cache(maxsize=4_096)(ContributionMonth.parse)
"""Kept: a few months are read over and over."""
LONGEST_PREPAYMENT = 12
"""Months after the end of its agreement in which an agent still gets statements: what was prepaid may be corrected so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A month's run as it stands; instants are business time."""

    month: ContributionMonth
    closed_at: datetime
    statements_at: datetime
    orders_at: datetime
    pay_by: datetime
    completed_at: datetime | None


async def last_run(conn: AsyncConnection) -> Run | None:
    """The newest run; None before the first."""
    return await _run(conn, sa.true())


async def run_of(conn: AsyncConnection, month: ContributionMonth) -> Run | None:
    return await _run(conn, incentive_runs.c.month == str(month))


async def _run(conn: AsyncConnection, which: sa.ColumnElement[bool]) -> Run | None:
    query = sa.select(incentive_runs).where(which).order_by(incentive_runs.c.month.desc()).limit(1)
    row = (await conn.execute(query)).mappings().first()
    if row is None:
        return None
    names = ("closed_at", "statements_at", "orders_at", "pay_by", "completed_at")
    return Run(month=month_of(row["month"]), **{name: row[name] for name in names})


async def first_activation(conn: AsyncConnection) -> datetime | None:
    """When the first agent began to work: its month is the first that has a run."""
    found: datetime | None = (await conn.execute(sa.select(sa.func.min(agents.c.activated_at)))).scalar()
    return found


async def workers(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[AgentId, Worker]:
    """Agents with their agreements, by id."""
    query = (
        sa.select(*agents.columns, *(c.label(f"of_{c.name}") for c in agreements.columns))
        .join(agreements, agreements.c.wadah_id == agents.c.wadah_id)
        .where(rows.matching(agents.c.agent_id, wanted))
    )
    return {AgentId(row["agent_id"]): _worker(row) for row in (await conn.execute(query)).mappings()}


async def agreements_of(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[WadahId, Agreement]:
    query = sa.select(*(c.label(f"of_{c.name}") for c in agreements.columns)).where(
        rows.matching(agreements.c.wadah_id, wanted)
    )
    return {WadahId(row["of_wadah_id"]): _agreement(row) for row in (await conn.execute(query)).mappings()}


def _worker(row: Mapping[Any, Any]) -> Worker:
    return Worker(
        agent_id=AgentId(row["agent_id"]),
        code=row["code"],
        participant_id=ParticipantId(row["participant_id"]),
        agreement=_agreement(row),
        duties=tuple(
            (datetime.fromisoformat(since), None if until is None else datetime.fromisoformat(until))
            for since, until in row["duties"]
        ),
        dismissed_at=row["dismissed_at"],
        began_at=row["began_at"],
    )


def _agreement(row: Mapping[Any, Any]) -> Agreement:
    return Agreement(
        wadah_id=WadahId(row["of_wadah_id"]),
        branch_id=BranchId(row["of_branch_id"]),
        name=row["of_name"],
        agreement_number=row["of_agreement_number"],
        scheme=IncentiveScheme(row["of_scheme"]),
        term_from=row["of_term_from"],
        term_to=row["of_term_to"],
        ended_on=row["of_ended_on"],
        monthly_target=row["of_monthly_target"],
    )
