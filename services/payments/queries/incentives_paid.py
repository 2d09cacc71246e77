"""The payments that the statements of a month are made of, and which closed months are to be computed anew.

Set-based over any number of agents, in a fixed number of statements.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events.contributions import BillKind
from contracts.values import (
    AgentId,
    ContributionMonth,
    ParticipantId,
    PaymentId,
)
from services.payments.domain.incentives.lines import Charge, Managed, Paid
from services.payments.domain.incentives.workers import Worker
from services.payments.domain.parameters import MOST_PREPAY_MONTHS
from services.payments.queries.incentives import AgentMonth, Run, month_of
from services.payments.store import charges_of
from services.payments.tables.incentives import (
    incentive_runs,
)

OVERLAP = timedelta(days=2)
"""Reviews are looked at again from so long before the last closing: a transaction that was under way then is never missed."""
_TO_REVIEW = sa.text(
    "WITH wanted AS (SELECT unnest(CAST(:agents AS uuid[])) AS agent_id),"
    " fresh AS (SELECT participant_id, agent_id, wadah_id, from_month FROM incentive_reviews WHERE since >= :since),"
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
    " ), agreed AS ("
    "  SELECT a.agent_id, min(f.from_month) AS from_month FROM fresh f JOIN agents a ON a.wadah_id = f.wadah_id"
    "   JOIN wanted w ON w.agent_id = a.agent_id GROUP BY a.agent_id"
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
    " UNION SELECT g.agent_id, c.month FROM agreed g JOIN closed c ON c.month >= g.from_month"
    " UNION SELECT g.agent_id, c.month FROM agreed g JOIN people p ON p.agent_id = g.agent_id"
    "  CROSS JOIN LATERAL (SELECT y.effective_at FROM payments y WHERE y.participant_id = p.participant_id"
    "   AND y.kind IS NOT NULL AND y.months->-1->>'month' >= g.from_month OFFSET 0) y"
    "  JOIN closed c ON c.month = to_char(y.effective_at AT TIME ZONE 'Asia/Jakarta', 'YYYY-MM')"
)
"""`OFFSET 0` holds the planner to one look-up per participant of the few agents concerned: it knows nothing of how few they are."""


async def months_to_review(
    conn: AsyncConnection,
    known: Mapping[AgentId, Worker],
    run: Run,
    last_months: Mapping[AgentId, ContributionMonth],
    spread: Collection[AgentId],
) -> list[AgentMonth]:
    """Closed months of these agents to compute anew: something of their participants or of their Wadah's agreements changed since the last
    run, or the last agreement ended.

    A month that was taken back and is paid now moves the counter of those paid before it: its payment is in time, so it left no review.

    What is agreed on from a month on concerns the closed months from there on, and those in which it was paid for ahead.

    `last_months`: of the agents whose last agreement has ended; `spread`: who may earn months of a payment as they come. One statement.
    """
    previous = await _previous_closing(conn, run)
    bound = {
        "agents": list(known),
        "since": previous - OVERLAP,
        "month": str(run.month),
        "spread": list(spread),
        "ended": list(last_months),
        "last_months": [str(month) for month in last_months.values()],
    }
    found = await conn.execute(_TO_REVIEW, bound)
    return sorted((AgentId(row.agent_id), month_of(row.month)) for row in found)


_LONG_AGO = timedelta(days=62)


async def _previous_closing(conn: AsyncConnection, run: Run) -> datetime:
    query = sa.select(sa.func.max(incentive_runs.c.closed_at)).where(incentive_runs.c.month < str(run.month))
    return (await conn.execute(query)).scalar() or run.closed_at - _LONG_AGO


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
        found[AgentId(row.agent_id), month_of(row.month)].append(_paid(row))
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
            (month_of(month), None if agent is None else AgentId(UUID(agent)))
            for month, agent in (json.loads(changes) if changes else ())
        ),
        paid=tuple((month_of(first), month_of(last)) for first, last in json.loads(paid)),
        restarts=tuple(map(month_of, json.loads(restarts))) if restarts else (),
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


_kind = lru_cache(maxsize=8)(BillKind)
