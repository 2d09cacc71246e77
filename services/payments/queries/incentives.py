"""What the monthly run loads: set-based over any number of agents and Wadah, in a fixed number of statements."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.agency import IncentiveScheme
from contracts.events.contributions import BillKind
from contracts.events.incentives import AcquiredLine, ContributionLine, Earnings
from contracts.values import (
    AgentId,
    BranchId,
    ContributionMonth,
    ParticipantId,
    PaymentId,
    Rupiah,
    WadahId,
)
from services.payments.domain.incentives.dropping import Without
from services.payments.domain.incentives.lines import Charge, Lines, Managed, Paid
from services.payments.domain.incentives.statements import Carried
from services.payments.domain.incentives.wadah import WadahCarried
from services.payments.domain.incentives.workers import Agreement, Worker
from services.payments.domain.parameters import MOST_PREPAY_MONTHS
from services.payments.store import charges_of
from services.payments.tables.incentives import (
    agents,
    agreements,
    incentive_entries,
    incentive_lines,
    incentive_runs,
    incentive_statements,
    wadah_entries,
    wadah_statements,
)

AgentMonth = tuple[AgentId, ContributionMonth]

LONGEST_PREPAYMENT = 12
"""Months after the end of its agreement in which an agent still gets statements: what was prepaid may be corrected so long."""
OVERLAP = timedelta(days=2)
"""Reviews are looked at again from so long before the last closing: a transaction that was under way then is never missed."""


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
    return Run(month=_month(row["month"]), **{name: row[name] for name in names})


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


async def issued(conn: AsyncConnection, wanted: Collection[UUID], month: ContributionMonth) -> set[AgentId]:
    """Those of these agents who have the statement of this month."""
    s = incentive_statements
    query = sa.select(s.c.agent_id).where(rows.matching(s.c.agent_id, wanted), s.c.month == str(month))
    return {AgentId(row.agent_id) for row in await conn.execute(query)}


_TO_REVIEW = sa.text(
    "WITH wanted AS (SELECT unnest(CAST(:agents AS uuid[])) AS agent_id),"
    " fresh AS (SELECT participant_id, agent_id, from_month FROM incentive_reviews WHERE since >= :since),"
    " people AS (SELECT w.agent_id, p.participant_id FROM wanted w JOIN payers p ON p.registered_by = w.agent_id"
    "  UNION SELECT w.agent_id, m.participant_id FROM wanted w JOIN managements m ON m.agent_id = w.agent_id),"
    " theirs AS ("
    "  SELECT w.agent_id, f.participant_id FROM fresh f JOIN payers p ON p.participant_id = f.participant_id"
    "   JOIN wanted w ON w.agent_id = p.registered_by"
    "  UNION SELECT w.agent_id, f.participant_id FROM fresh f JOIN managements m ON m.participant_id = f.participant_id"
    "   JOIN wanted w ON w.agent_id = m.agent_id"
    "  UNION SELECT p.agent_id, y.participant_id FROM people p"
    "   JOIN payments r ON r.participant_id = p.participant_id AND r.reversed_for IS NOT NULL AND r.kind IS NOT NULL"
    "   JOIN payments y ON y.participant_id = r.participant_id AND y.posted_at >= :since AND y.reversed_for IS NULL AND y.kind IS NOT NULL"
    "   JOIN payments o ON o.participant_id = y.participant_id AND o.posted_at < y.posted_at AND o.reversed_for IS NULL"
    "    AND o.kind IS NOT NULL AND o.months->-1->>'month' > y.months->0->>'month'"
    " ), closed AS (SELECT month FROM incentive_runs WHERE month < :month)"
    " SELECT DISTINCT t.agent_id, c.month FROM theirs t JOIN payments y ON y.participant_id = t.participant_id"
    "  JOIN closed c ON c.month = to_char(y.effective_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM')"
    " UNION SELECT t.agent_id, c.month FROM theirs t JOIN unnest(CAST(:spread AS uuid[])) AS s(agent_id) USING (agent_id)"
    "  JOIN payments y ON y.participant_id = t.participant_id"
    "  JOIN closed c ON y.months @> jsonb_build_array(jsonb_build_object('month', c.month))"
    " UNION SELECT f.agent_id, c.month FROM fresh f JOIN wanted w ON w.agent_id = f.agent_id"
    "  JOIN closed c ON c.month >= f.from_month"
    " UNION SELECT l.agent_id, l.month FROM unnest(CAST(:ended AS uuid[]), CAST(:last_months AS text[]))"
    "   AS e(agent_id, last_month) JOIN incentive_lines l ON l.agent_id = e.agent_id"
    "   AND l.contribution_month > e.last_month AND l.month < :month"
    "  GROUP BY l.agent_id, l.month, l.payment_id, l.contribution_month HAVING sum(l.sign) > 0"
    " UNION SELECT l.agent_id, l.month FROM unnest(CAST(:ended AS uuid[]), CAST(:last_months AS text[]),"
    "   CAST(:ends AS timestamptz[])) AS e(agent_id, last_month, ends_at) JOIN incentive_lines l ON l.agent_id = e.agent_id"
    "   AND l.contribution_month IS NULL AND l.month >= e.last_month AND l.month < :month"
    "  JOIN payments y ON y.payment_id = l.payment_id AND y.effective_at >= e.ends_at"
    "  GROUP BY l.agent_id, l.month, l.payment_id HAVING sum(l.sign) > 0"
)


async def months_to_review(
    conn: AsyncConnection,
    known: Mapping[AgentId, Worker],
    run: Run,
    last_months: Mapping[AgentId, ContributionMonth],
    spread: Collection[AgentId],
) -> list[AgentMonth]:
    """Closed months of these agents to compute anew: something of their participants changed since the last run, or their agreement ended.

    A month that was taken back and is paid now moves the counter of those paid before it: its payment is in time, so it left no review.

    `last_months`: of the agents whose agreement has ended; `spread`: who may earn months of a payment as they come. One statement.
    """
    previous = await _previous_closing(conn, run)
    bound = {
        "agents": list(known),
        "since": previous - OVERLAP,
        "month": str(run.month),
        "spread": list(spread),
        "ended": list(last_months),
        "last_months": [str(month) for month in last_months.values()],
        "ends": [known[agent].agreement.ends_at for agent in last_months],
    }
    found = await conn.execute(_TO_REVIEW, bound)
    return sorted((AgentId(row.agent_id), _month(row.month)) for row in found)


_LONG_AGO = timedelta(days=62)


async def _previous_closing(conn: AsyncConnection, run: Run) -> datetime:
    query = sa.select(sa.func.max(incentive_runs.c.closed_at)).where(incentive_runs.c.month < str(run.month))
    return (await conn.execute(query)).scalar() or run.closed_at - _LONG_AGO


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
    return {(AgentId(row["agent_id"]), _month(row["month"])): earnings_of(row) for row in found}


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
        found[AgentId(row["agent_id"]), _month(row["month"])].append(_line(row))
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


_PAID = sa.text(
    "WITH wanted AS (SELECT * FROM unnest(CAST(:agents AS uuid[]), CAST(:months AS text[]),"
    "  CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]), CAST(:since AS timestamptz[]))"
    "  AS w(agent_id, month, starts_at, ends_at, since)),"
    " people AS ("
    "  SELECT w.*, p.participant_id FROM wanted w JOIN payers p ON p.registered_by = w.agent_id"
    "  UNION SELECT w.*, m.participant_id FROM wanted w JOIN managements m ON m.agent_id = w.agent_id)"
    " SELECT q.agent_id, q.month, y.payment_id, y.participant_id, y.kind, y.effective_at, CAST(y.months AS text) AS months,"
    "  (SELECT CAST(f.months AS text) FROM refunds f WHERE f.payment_id = y.payment_id) AS refunded,"
    "  p.registered_by, p.new_to_bpu, CAST(p.paid AS text) AS paid,"
    "  (SELECT json_agg(json_build_array(m.from_month, m.agent_id) ORDER BY m.from_month, m.seq)"
    "   FROM managements m WHERE m.participant_id = y.participant_id)::text AS changes,"
    "  (SELECT json_agg(r.months->0->>'month') FROM payments r WHERE r.participant_id = y.participant_id"
    "   AND r.kind = 'REACTIVATION' AND r.reversed_for IS NULL)::text AS restarts"
    " FROM people q JOIN payments y ON y.participant_id = q.participant_id"
    "  JOIN payers p ON p.participant_id = q.participant_id"
    " WHERE y.effective_at >= q.since AND y.effective_at < q.ends_at"
    "  AND (y.effective_at >= q.starts_at OR y.months @> jsonb_build_array(jsonb_build_object('month', q.month)))"
    "  AND y.reversed_for IS NULL AND y.kind IS NOT NULL"
    " ORDER BY q.agent_id, q.month, y.effective_at, y.payment_id"
)


async def paid_in(
    conn: AsyncConnection, wanted: Sequence[AgentMonth], spread: Collection[AgentId]
) -> dict[AgentMonth, list[Paid]]:
    """The payments that stand, by agent and WIB month of `effective_at`, of everybody whom the agent ever managed. One statement.

    To a month of who is `spread` also belong the earlier payments that were made for that month among others.
    """
    bound = {
        "agents": [agent for agent, _ in wanted],
        "months": [str(month) for _, month in wanted],
        "starts": [month.starts_at for _, month in wanted],
        "ends": [month.ends_at for _, month in wanted],
        "since": [(month + -MOST_PREPAY_MONTHS if agent in spread else month).starts_at for agent, month in wanted],
    }
    found: defaultdict[AgentMonth, list[Paid]] = defaultdict(list)
    for row in await conn.execute(_PAID, bound):
        found[AgentId(row.agent_id), _month(row.month)].append(_paid(row))
    return found


def _paid(row: sa.Row[Any]) -> Paid:
    managed = _managed(row.registered_by, bool(row.new_to_bpu), row.changes, row.paid, row.restarts)
    return Paid(
        PaymentId(row.payment_id),
        ParticipantId(row.participant_id),
        _kind(row.kind),
        row.effective_at,
        _charges(row.months, row.refunded),
        managed,
        _with_jht(row.months),
    )


@lru_cache(maxsize=65_536)
def _managed(registered_by: UUID | None, new: bool, changes: str | None, paid: str, restarts: str | None) -> Managed:
    """Kept, as most participants of one agent stand alike."""
    return Managed(
        registered_by=None if registered_by is None else AgentId(registered_by),
        new_to_bpu=new,
        changes=tuple(
            (_month(month), None if agent is None else AgentId(UUID(agent)))
            for month, agent in (json.loads(changes) if changes else ())
        ),
        paid=tuple((_month(first), _month(last)) for first, last in json.loads(paid)),
        restarts=tuple(map(_month, json.loads(restarts))) if restarts else (),
    )


@lru_cache(maxsize=65_536)
def _charges(months: str, refunded: str | None) -> tuple[Charge, ...]:
    """What came for each month that was not given back. Kept, as few charges differ: a month, a band, a sector."""
    back = {charge["month"] for charge in json.loads(refunded)} if refunded else ()
    return tuple(
        Charge(charge.month, charge.received)
        for charge in charges_of(json.loads(months))
        if str(charge.month) not in back
    )


@lru_cache(maxsize=65_536)
def _with_jht(months: str) -> bool:
    """The programmes as of the first of these months."""
    return bool(json.loads(months)[0]["jht"])


_month = lru_cache(maxsize=4_096)(ContributionMonth.parse)
_kind = lru_cache(maxsize=8)(BillKind)


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
        found[WadahId(row["wadah_id"])].setdefault(_month(row["month"]), []).append(earnings_of(row))
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
    return {(WadahId(row.wadah_id), _month(row.month)): row.share for row in await conn.execute(query)}


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
        sa.select(s.c.wadah_id, s.c.month, s.c.carried_out, s.c.months_below, s.c.end_due)
        .where(rows.matching(s.c.wadah_id, wanted), s.c.month <= str(month))
        .order_by(s.c.month)
    )
    carried, have = dict[WadahId, WadahCarried](), set[WadahId]()
    for row in await conn.execute(query):
        if row.month == str(month):
            have.add(WadahId(row.wadah_id))
        else:
            carried[WadahId(row.wadah_id)] = WadahCarried(row.carried_out, Without(row.months_below, row.end_due))
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
        month=_month(row["contribution_month"]),
        k=row["k"],
        bps=row["bps"],
        received=Rupiah(row["received"]),
    )


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
