"""Statements, lines, runs, disputes and activity as people are shown them, within their scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.values import WIB
from services.payments.queries.incentives import Run, agreement_ends, stands_under
from services.payments.queries.incentives_due import awaits_statement
from services.payments.tables.contributions import payers
from services.payments.tables.incentives import (
    agents,
    agreements,
    dispute_notes,
    incentive_disputes,
    incentive_entries,
    incentive_lines,
    incentive_runs,
    incentive_statements,
    wadah_entries,
    wadah_statements,
)

Rows = Sequence[Mapping[Any, Any]]


async def runs(conn: AsyncConnection, limit: int) -> Rows:
    """The newest first, each with how many statements it has issued so far."""
    s, w = incentive_statements, wadah_statements
    done = sa.select(sa.func.count()).where(s.c.month == incentive_runs.c.month).scalar_subquery()
    wadah_done = sa.select(sa.func.count()).where(w.c.month == incentive_runs.c.month).scalar_subquery()
    counted = (
        sa.select(sa.cast(sa.func.coalesce(sa.func.sum(s.c.lines), 0), sa.BigInteger))
        .where(s.c.month == incentive_runs.c.month)
        .scalar_subquery()
    )
    query = (
        sa.select(
            incentive_runs,
            done.label("agents_done"),
            wadah_done.label("wadah_done"),
            counted.label("lines_done"),
        )
        .order_by(incentive_runs.c.month.desc())
        .limit(limit)
    )
    return (await conn.execute(query)).mappings().all()


async def agents_awaiting(conn: AsyncConnection, run: Run) -> int:
    """How many agents have no statement of this run yet."""
    query = sa.select(sa.func.count()).select_from(agents).where(awaits_statement(run))
    return int((await conn.execute(query)).scalar_one())


async def statements(
    conn: AsyncConnection,
    scope: sa.ColumnElement[bool],
    *,
    month: str | None,
    agent_id: UUID | None,
    wadah_id: UUID | None,
    drop_due: bool | None,
    after: tuple[str, UUID] | None,
    limit: int,
) -> Rows:
    """Of agents, the newest month first, from after (month, agent) on; within this scope (over `incentive_statements`)."""
    s = incentive_statements
    query = sa.select(s, agents.c.code).join(agents, agents.c.agent_id == s.c.agent_id).where(scope)
    wanted = ((s.c.month, month), (s.c.agent_id, agent_id), (s.c.wadah_id, wadah_id), (s.c.drop_due, drop_due))
    query = query.where(*(column == value for column, value in wanted if value is not None))
    if after is not None:
        later = sa.and_(s.c.month == after[0], s.c.agent_id > after[1])
        query = query.where(sa.or_(s.c.month < after[0], later))
    query = query.order_by(s.c.month.desc(), s.c.agent_id).limit(limit)
    return (await conn.execute(query)).mappings().all()


async def statement(
    conn: AsyncConnection, agent_id: UUID, month: str, scope: sa.ColumnElement[bool]
) -> Mapping[Any, Any] | None:
    """One agent's statement with the names on it; None when there is none within this scope (over `incentive_statements`)."""
    s = incentive_statements
    query = (
        sa.select(s, agents.c.code, agreements.c.name.label("wadah"), agreements.c.agreement_number, agreement_ends())
        .join(agents, agents.c.agent_id == s.c.agent_id)
        .join(agreements, stands_under(s))
        .where(s.c.agent_id == agent_id, s.c.month == month, scope)
    )
    return (await conn.execute(query)).mappings().first()


async def adjustments(conn: AsyncConnection, agent_id: UUID, run: str) -> Rows:
    """What this statement corrects of earlier months, by month."""
    e = incentive_entries
    query = sa.select(e).where(e.c.agent_id == agent_id, e.c.run == run, e.c.month != run).order_by(e.c.month)
    return (await conn.execute(query)).mappings().all()


async def lines(conn: AsyncConnection, agent_id: UUID, run: str, after: int, limit: int | None) -> Rows:
    """Lines of a statement after this number, in order, each with the participant's number (KPJ, else the contribution code)."""
    table = incentive_lines
    number = sa.func.coalesce(payers.c.kpj, payers.c.contribution_code)
    query = (
        sa.select(table, number.label("participant_number"))
        .outerjoin(payers, payers.c.participant_id == table.c.participant_id)
        .where(table.c.agent_id == agent_id, table.c.run == run, table.c.line > after)
        .order_by(table.c.line)
        .limit(limit)
    )
    return (await conn.execute(query)).mappings().all()


async def line(conn: AsyncConnection, agent_id: UUID, run: str, number: int) -> Mapping[Any, Any] | None:
    table = incentive_lines
    query = sa.select(table).where(table.c.agent_id == agent_id, table.c.run == run, table.c.line == number)
    return (await conn.execute(query)).mappings().first()


_TRACE = sa.text(
    "SELECT event_id, stream, type, version, rules, occurred_at,"
    "  convert_from(payload, 'UTF8')::jsonb->>'payment_id' AS payment_id"
    " FROM event_log WHERE (stream = 'contributions' AND key = ANY(CAST(:keys AS text[]))"
    "  AND type IN ('PayerAdded', 'ContributionPaid', 'ContributionReversed', 'ContributionRefunded'))"
    "  OR (stream = 'managements' AND key = ANY(CAST(:keys AS text[])))"
    " ORDER BY position"
)


async def events_behind(conn: AsyncConnection, participants: Collection[UUID]) -> Rows:
    """Events of these participants that lines come from, in the order of the log; `payment_id` where an event names one."""
    return (await conn.execute(_TRACE, {"keys": [str(p) for p in participants]})).mappings().all()


async def paid_by_event(conn: AsyncConnection, payments: Mapping[UUID, UUID]) -> dict[UUID, UUID]:
    """Payment → the event that posted it; `payments`: payment → participant. One statement."""
    if not payments:
        return {}
    found = await events_behind(conn, set(payments.values()))
    paid = [row for row in found if row["type"] == "ContributionPaid"]
    return {UUID(row["payment_id"]): row["event_id"] for row in paid if UUID(row["payment_id"]) in payments}


async def wadah_statements_of(
    conn: AsyncConnection, scope: sa.ColumnElement[bool], *, month: str | None, wadah_id: UUID | None, limit: int
) -> Rows:
    """Newest first, within this scope (over `wadah_statements`). `paid_on`: the WIB day that `paid_at` begins, as a bank's evidence gave it."""
    w = wadah_statements
    paid_on = sa.cast(sa.func.timezone(WIB.key, w.c.paid_at), sa.Date).label("paid_on")
    names = (agreements.c.name.label("wadah"), agreements.c.agreement_number, agreement_ends())
    query = sa.select(w, paid_on, *names).join(agreements, stands_under(w))
    wanted = ((w.c.month, month), (w.c.wadah_id, wadah_id))
    query = query.where(scope, *(column == value for column, value in wanted if value is not None))
    return (await conn.execute(query.order_by(w.c.month.desc(), w.c.wadah_id).limit(limit))).mappings().all()


async def wadah_adjustments(conn: AsyncConnection, wadah_id: UUID, run: str) -> Rows:
    e = wadah_entries
    query = sa.select(e).where(e.c.wadah_id == wadah_id, e.c.run == run, e.c.month != run).order_by(e.c.month)
    return (await conn.execute(query)).mappings().all()


async def agents_of(conn: AsyncConnection, wadah_id: UUID, month: str) -> Rows:
    """The agents' statements of a Wadah's month, by agent code."""
    s = incentive_statements
    query = (
        sa.select(s, agents.c.code)
        .join(agents, agents.c.agent_id == s.c.agent_id)
        .where(s.c.wadah_id == wadah_id, s.c.month == month)
        .order_by(agents.c.code)
    )
    return (await conn.execute(query)).mappings().all()


async def is_known_agent(conn: AsyncConnection, agent_id: UUID, scope: sa.ColumnElement[bool]) -> bool:
    """Whether this agent exists within this scope (over `agents`)."""
    query = sa.select(agents.c.agent_id).where(agents.c.agent_id == agent_id, scope)
    return (await conn.execute(query)).first() is not None


async def activity(conn: AsyncConnection, agent_id: UUID, limit: int) -> Rows:
    """An agent's months as they stand today, newest first."""
    s, e = incentive_statements, incentive_entries
    newest = (
        sa.select(e)
        .ext(distinct_on(e.c.month))
        .where(e.c.agent_id == agent_id)
        .order_by(e.c.month, e.c.run.desc())
        .subquery()
    )
    query = (
        sa.select(s.c.month, s.c.scheme, s.c.months_without, s.c.drop_months, newest.c.acquisitions, newest.c.received)
        .join(newest, newest.c.month == s.c.month)
        .where(s.c.agent_id == agent_id)
        .order_by(s.c.month.desc())
        .limit(limit)
    )
    return (await conn.execute(query)).mappings().all()


async def disputes(
    conn: AsyncConnection, scope: sa.ColumnElement[bool], *, open_only: bool, agent_id: UUID | None, limit: int
) -> Rows:
    """Oldest first, within this scope (over `incentive_disputes`), with the boxes of what people wrote."""
    d = incentive_disputes
    words = dispute_notes
    boxes = (words.c.note.label("note_box"), words.c.answer.label("answer_box"))
    query = sa.select(d, *boxes).outerjoin(words, words.c.dispute_id == d.c.dispute_id).where(scope)
    if open_only:
        query = query.where(d.c.upheld.is_(None))
    if agent_id is not None:
        query = query.where(d.c.agent_id == agent_id)
    return (await conn.execute(query.order_by(d.c.raised_at, d.c.dispute_id).limit(limit))).mappings().all()


async def disputes_by_statement(conn: AsyncConnection, wanted: Collection[tuple[UUID, str]]) -> Rows:
    """Every dispute about these statements (agent, month), answered or not, with the box of its note; a superset where agents share months."""
    d = incentive_disputes
    query = (
        sa.select(d, dispute_notes.c.note.label("note_box"))
        .outerjoin(dispute_notes, dispute_notes.c.dispute_id == d.c.dispute_id)
        .where(
            rows.matching(d.c.agent_id, {agent for agent, _ in wanted}),
            rows.matching(d.c.run, {month for _, month in wanted}),
        )
    )
    return (await conn.execute(query)).mappings().all()


async def dispute(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[UUID, Mapping[Any, Any]]:
    """By id, for deciding."""
    query = sa.select(incentive_disputes).where(rows.matching(incentive_disputes.c.dispute_id, wanted))
    return {row["dispute_id"]: row for row in (await conn.execute(query)).mappings()}


async def statements_by_key(
    conn: AsyncConnection, wanted: Collection[tuple[UUID, str]]
) -> dict[tuple[UUID, str], Mapping[Any, Any]]:
    """Agents' statements by (agent, month), for deciding."""
    s = incentive_statements
    query = sa.select(s).where(
        rows.matching(s.c.agent_id, {agent for agent, _ in wanted}),
        rows.matching(s.c.month, {month for _, month in wanted}),
    )
    return {(row["agent_id"], row["month"]): row for row in (await conn.execute(query)).mappings()}
