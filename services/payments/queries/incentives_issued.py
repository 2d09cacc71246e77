"""What the statements issued so far say, of agents and of Wadah: what the next ones go on from.

Set-based over any number of them, in a fixed number of statements.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.incentives import AcquiredLine, ContributionLine, Earnings
from contracts.values import (
    AgentId,
    ContributionMonth,
    ParticipantId,
    PaymentId,
    Rupiah,
    WadahId,
)
from services.payments.domain.incentives.dropping import Without
from services.payments.domain.incentives.lines import Lines
from services.payments.domain.incentives.statements import Carried
from services.payments.domain.incentives.wadah import WadahCarried
from services.payments.queries.incentives import AgentMonth, month_of
from services.payments.tables.incentives import (
    incentive_entries,
    incentive_lines,
    incentive_statements,
    wadah_entries,
    wadah_statements,
)


async def carried_before(
    conn: AsyncConnection, wanted: Collection[UUID], month: ContributionMonth
) -> dict[AgentId, Carried]:
    """What the last statement of each agent before this month carries on."""
    s = incentive_statements
    query = (
        sa.select(s.c.agent_id, s.c.carried_out, s.c.months_without, s.c.drop_due)
        .ext(distinct_on(s.c.agent_id))
        .where(rows.matching(s.c.agent_id, wanted), s.c.month < str(month))
        .order_by(s.c.agent_id, s.c.month.desc())
    )
    return {
        AgentId(r.agent_id): Carried(r.carried_out, Without(r.months_without, r.drop_due))
        for r in await conn.execute(query)
    }


async def issued(
    conn: AsyncConnection, agents: Collection[UUID], wadah: Collection[UUID], month: ContributionMonth
) -> set[UUID]:
    """Those of these agents, and of these Wadah, who have their statement of this month. One statement."""
    s, w = incentive_statements, wadah_statements
    query = sa.union_all(
        sa.select(s.c.agent_id.label("owner")).where(rows.matching(s.c.agent_id, agents), s.c.month == str(month)),
        sa.select(w.c.wadah_id).where(rows.matching(w.c.wadah_id, wadah), w.c.month == str(month)),
    )
    return {row.owner for row in await conn.execute(query)}


async def earned_before(conn: AsyncConnection, wanted: Collection[AgentMonth]) -> dict[AgentMonth, Earnings]:
    """What these months come to in the statements issued so far: the latest run that says so holds."""
    e = incentive_entries
    query = (
        sa.select(e)
        .ext(distinct_on(e.c.agent_id, e.c.month))
        .where(*_of_months(e, wanted))
        .order_by(e.c.agent_id, e.c.month, e.c.run.desc())
    )
    found = (await conn.execute(query)).mappings()
    return {(AgentId(row["agent_id"]), month_of(row["month"])): earnings_of(row) for row in found}


async def lines_before(conn: AsyncConnection, wanted: Collection[AgentMonth]) -> dict[AgentMonth, Lines]:
    """The lines of these months that stand in the statements issued so far."""
    table = incentive_lines
    what = [
        table.c[name]
        for name in (
            "agent_id",
            "month",
            "payment_id",
            "participant_id",
            "with_jht",
            "contribution_month",
            "k",
            "bps",
            "received",
        )
    ]
    stands = sa.func.sum(table.c.sign) > 0
    query = sa.select(*what).where(*_of_months(table, wanted)).group_by(*what).having(stands)
    found: defaultdict[AgentMonth, list[AcquiredLine | ContributionLine]] = defaultdict(list)
    for row in (await conn.execute(query)).mappings():
        found[AgentId(row["agent_id"]), month_of(row["month"])].append(_line(row))
    return {key: lines_from(lines) for key, lines in found.items()}


def lines_from(lines: Iterable[AcquiredLine | ContributionLine]) -> Lines:
    every = list(lines)
    return Lines(
        tuple(line for line in every if isinstance(line, AcquiredLine)),
        tuple(line for line in every if isinstance(line, ContributionLine)),
    )


def _of_months(table: sa.Table, wanted: Collection[AgentMonth]) -> tuple[sa.ColumnElement[bool], ...]:
    """A superset where agents share months: what is too much is not asked for by key."""
    return (
        rows.matching(table.c.agent_id, {agent for agent, _ in wanted}),
        rows.matching(table.c.month, {str(month) for _, month in wanted}),
    )


async def shared_months(
    conn: AsyncConnection, wanted: Collection[UUID], run: ContributionMonth
) -> dict[WadahId, dict[ContributionMonth, list[Earnings]]]:
    """Of each Wadah, the months that this run says something new of, each with what every agent of it earned as of this run."""
    e = incentive_entries
    touched = (
        sa.select(e.c.wadah_id, e.c.month)
        .where(rows.matching(e.c.wadah_id, wanted), e.c.run == str(run))
        .distinct()
        .subquery()
    )
    query = (
        sa.select(e)
        .ext(distinct_on(e.c.agent_id, e.c.month))
        .join(touched, sa.and_(touched.c.wadah_id == e.c.wadah_id, touched.c.month == e.c.month))
        .where(e.c.run <= str(run))
        .order_by(e.c.agent_id, e.c.month, e.c.run.desc())
    )
    found: defaultdict[WadahId, dict[ContributionMonth, list[Earnings]]] = defaultdict(dict)
    for row in (await conn.execute(query)).mappings():
        found[WadahId(row["wadah_id"])].setdefault(month_of(row["month"]), []).append(earnings_of(row))
    return found


async def shares_before(
    conn: AsyncConnection, wanted: Collection[UUID]
) -> dict[tuple[WadahId, ContributionMonth], int]:
    """What each month's own share of these Wadah comes to in the statements issued so far."""
    e = wadah_entries
    query = (
        sa.select(e.c.wadah_id, e.c.month, e.c.share)
        .ext(distinct_on(e.c.wadah_id, e.c.month))
        .where(rows.matching(e.c.wadah_id, wanted))
        .order_by(e.c.wadah_id, e.c.month, e.c.run.desc())
    )
    return {(WadahId(row.wadah_id), month_of(row.month)): row.share for row in await conn.execute(query)}


async def agents_totals(
    conn: AsyncConnection, wanted: Collection[UUID], month: ContributionMonth
) -> dict[WadahId, Mapping[Any, Any]]:
    """Over the agents' statements of a month, per Wadah: how many, payable, acquisitions, received."""
    s = incentive_statements
    query = (
        sa.select(
            s.c.wadah_id,
            sa.func.count().label("statements"),
            *(sa.cast(sa.func.sum(s.c[name]), sa.BigInteger).label(name) for name in _SUMMED),
        )
        .where(rows.matching(s.c.wadah_id, wanted), s.c.month == str(month))
        .group_by(s.c.wadah_id)
    )
    return {WadahId(row["wadah_id"]): row for row in (await conn.execute(query)).mappings()}


_SUMMED = ("payable", "acquisitions", "received")


async def wadah_carried(
    conn: AsyncConnection, wanted: Collection[UUID], month: ContributionMonth
) -> tuple[dict[WadahId, WadahCarried], set[WadahId]]:
    """(what each Wadah's last statement before this month carries on, those that have this month's)."""
    s = wadah_statements
    query = (
        sa.select(s.c.wadah_id, s.c.month, s.c.carried_out, s.c.months_below, s.c.end_due, s.c.agreement)
        .where(rows.matching(s.c.wadah_id, wanted), s.c.month <= str(month))
        .order_by(s.c.month)
    )
    carried, have = dict[WadahId, WadahCarried](), set[WadahId]()
    for row in await conn.execute(query):
        if row.month == str(month):
            have.add(WadahId(row.wadah_id))
        else:
            below = Without(row.months_below, row.end_due)
            carried[WadahId(row.wadah_id)] = WadahCarried(row.carried_out, below, row.agreement)
    return carried, have


async def totals_of(conn: AsyncConnection, month: ContributionMonth) -> Mapping[Any, Any]:
    """Of a month whose statements are all issued: agents, Wadah, lines, payout."""
    s, w = incentive_statements, wadah_statements
    query = sa.select(
        sa.select(sa.func.count()).where(s.c.month == str(month)).scalar_subquery().label("agents"),
        sa.select(sa.cast(sa.func.coalesce(sa.func.sum(s.c.lines), 0), sa.BigInteger))
        .where(s.c.month == str(month))
        .scalar_subquery()
        .label("lines"),
        sa.select(sa.func.count()).where(w.c.month == str(month)).scalar_subquery().label("wadah"),
        sa.select(sa.cast(sa.func.coalesce(sa.func.sum(w.c.payout), 0), sa.BigInteger))
        .where(w.c.month == str(month))
        .scalar_subquery()
        .label("payout"),
    )
    return (await conn.execute(query)).mappings().one()


def earnings_of(row: Mapping[Any, Any]) -> Earnings:
    """The earnings of a row that has their columns."""
    return Earnings(
        acquisitions=row["acquisitions"],
        received=Rupiah(row["received"]),
        acquisition_pay=Rupiah(row["acquisition_pay"]),
        contribution_pay=Rupiah(row["contribution_pay"]),
        agent=Rupiah(row["agent"]),
        carved=Rupiah(row["carved"]),
    )


def _line(row: Mapping[Any, Any]) -> AcquiredLine | ContributionLine:
    payment_id, participant_id = PaymentId(row["payment_id"]), ParticipantId(row["participant_id"])
    if row["with_jht"] is not None:
        return AcquiredLine(payment_id=payment_id, participant_id=participant_id, with_jht=row["with_jht"])
    return ContributionLine(
        payment_id=payment_id,
        participant_id=participant_id,
        month=month_of(row["contribution_month"]),
        k=row["k"],
        bps=row["bps"],
        received=Rupiah(row["received"]),
    )
