"""Who works for whom, and which runs there are: what the monthly run begins with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON, aggregate_order_by
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
from services.payments.domain.incentives.workers import Agreement, Agreements, Worker, agreements_of
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
    """Agents with the agreements of their Wadah, by id; without those of whose Wadah no agreement was noted yet. One statement."""
    query = sa.select(*agents.columns, _TOLD.label("told")).where(
        rows.matching(agents.c.agent_id, wanted), _TOLD.is_not(None)
    )
    return {AgentId(row["agent_id"]): _worker(row) for row in (await conn.execute(query)).mappings()}


_TOLD = sa.literal_column(
    "(SELECT json_agg(a ORDER BY a.agreement) FROM agreements a WHERE a.wadah_id = agents.wadah_id)", JSON
)
"""The agreements of an agent's Wadah; null where none was noted."""


async def agreements_of_wadah(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[WadahId, Agreements]:
    table = agreements
    one = sa.func.json_agg(aggregate_order_by(sa.literal_column("agreements"), table.c.agreement))
    query = (
        sa.select(table.c.wadah_id, sa.type_coerce(one, JSON).label("told"))
        .where(rows.matching(table.c.wadah_id, wanted))
        .group_by(table.c.wadah_id)
    )
    return {WadahId(row.wadah_id): _agreements(row.told) for row in await conn.execute(query)}


def stands_under(statement: sa.Table) -> sa.ColumnElement[bool]:
    """Joins `agreements` to statements, of agents or of Wadah: the one that each names."""
    wadah = agreements.c.wadah_id == statement.c.wadah_id
    return sa.and_(wadah, agreements.c.agreement == statement.c.agreement)


def agreement_ends() -> sa.Label[date]:
    """The last day (inclusive) of the agreement that `stands_under` joins; it may lie before its first, when it never was in force."""
    return sa.func.least(agreements.c.term_to, agreements.c.ended_on).label("agreement_ends")


def _worker(row: Mapping[Any, Any]) -> Worker:
    return Worker(
        agent_id=AgentId(row["agent_id"]),
        code=row["code"],
        participant_id=ParticipantId(row["participant_id"]),
        agreements=_agreements(row["told"]),
        duties=tuple(
            (datetime.fromisoformat(since), None if until is None else datetime.fromisoformat(until))
            for since, until in row["duties"]
        ),
        dismissed_at=row["dismissed_at"],
        began_at=row["began_at"],
    )


def _agreements(told: Sequence[Mapping[str, Any]]) -> Agreements:
    """Of rows as JSON, the first one first."""
    first = told[0]
    wadah_id, branch_id = WadahId(UUID(first["wadah_id"])), BranchId(UUID(first["branch_id"]))
    return agreements_of(wadah_id, branch_id, first["name"], map(_agreement, told))


def _agreement(row: Mapping[str, Any]) -> Agreement:
    ended_on = row["ended_on"]
    return Agreement(
        agreement=row["agreement"],
        agreement_number=row["agreement_number"],
        scheme=IncentiveScheme(row["scheme"]),
        term_from=date.fromisoformat(row["term_from"]),
        term_to=date.fromisoformat(row["term_to"]),
        ended_on=None if ended_on is None else date.fromisoformat(ended_on),
        monthly_target=row["monthly_target"],
    )
