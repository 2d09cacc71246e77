"""Settlement files, lines, days and cases as people see them: the central office, operators and auditors, over all branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.tables import timer_backoff
from services.payments.queries.settlement import FILES_TIMER
from services.payments.tables import (
    cases,
    settlement_days,
    settlement_differences,
    settlement_files,
    settlement_layouts,
    settlement_lines,
)

Rows = Sequence[Mapping[Any, Any]]


async def layouts(conn: AsyncConnection, partner: str | None) -> Rows:
    """All layouts that were agreed, per partner the newest first."""
    query = sa.select(settlement_layouts).order_by(settlement_layouts.c.partner, settlement_layouts.c.valid_from.desc())
    if partner is not None:
        query = query.where(settlement_layouts.c.partner == partner)
    return (await conn.execute(query)).mappings().all()


async def files(
    conn: AsyncConnection,
    *,
    partner: str | None,
    day: date | None,
    stopped: bool | None,
    before: UUID | None,
    limit: int,
) -> Rows:
    """Newest first; with `stopped` only those that do not go on, or only the others. Each as `file` has it."""
    table, hindered = settlement_files, _hindrance()
    query = _with(hindered).order_by(table.c.file_id.desc()).limit(limit)
    if stopped is not None:
        query = query.where(hindered.c.stopped_by.is_not(None) if stopped else hindered.c.stopped_by.is_(None))
    for column, wanted in ((table.c.partner, partner), (table.c.day, day)):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(table.c.file_id < before)
    found: Rows = (await conn.execute(query)).mappings().all()
    return found


async def file(conn: AsyncConnection, file_id: UUID) -> Mapping[Any, Any] | None:
    """With what it waits for: `stopped_by` is the file whose step failed, itself or one of its partner before it; null while it goes on."""
    query = _with(_hindrance()).where(settlement_files.c.file_id == file_id)
    found: Mapping[Any, Any] | None = (await conn.execute(query)).mappings().one_or_none()
    return found


async def count_stopped(conn: AsyncConnection, _: datetime) -> int:
    """Files whose last step failed and that are tried again; not those that wait behind them."""
    query = sa.select(sa.func.count()).select_from(settlement_files.join(timer_backoff, _failed(settlement_files)))
    return int((await conn.execute(query)).scalar_one())


def _failed(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """The back-off of an open file, over `table` (the files)."""
    return sa.and_(
        table.c.reconciled_at.is_(None),
        timer_backoff.c.timer == FILES_TIMER,
        timer_backoff.c.key == sa.cast(table.c.file_id, sa.Text),
    )


def _hindrance() -> sa.FromClause:
    """Of an open file: the failure of the first open file of its partner, up to itself; they are worked off in this order."""
    first = settlement_files.alias("first")
    return (
        sa.select(
            first.c.file_id.label("stopped_by"),
            timer_backoff.c.reason,
            timer_backoff.c.attempts,
            timer_backoff.c.since,
            timer_backoff.c.not_before,
        )
        .select_from(first.join(timer_backoff, _failed(first)))
        .where(
            settlement_files.c.reconciled_at.is_(None),
            first.c.partner == settlement_files.c.partner,
            first.c.file_id <= settlement_files.c.file_id,
        )
        .order_by(first.c.file_id)
        .limit(1)
        .correlate(settlement_files)
        .lateral("hindered")
    )


def _with(hindered: sa.FromClause) -> sa.Select[Any]:
    return sa.select(settlement_files, *hindered.c).outerjoin(hindered, sa.true())


async def lines(conn: AsyncConnection, file_id: UUID, *, outcome: str | None, after: int, limit: int) -> Rows:
    """Lines that were worked off, in the order of the file, behind line `after`."""
    table = settlement_lines
    query = sa.select(table).where(table.c.file_id == file_id, table.c.line > after).order_by(table.c.line).limit(limit)
    if outcome is not None:
        query = query.where(table.c.outcome == outcome)
    return (await conn.execute(query)).mappings().all()


async def day(conn: AsyncConnection, partner: str, day: date) -> Mapping[Any, Any] | None:
    """With the number of its open cases."""
    table = settlement_days
    open_cases = (
        sa.select(sa.func.count())
        .where(cases.c.partner == table.c.partner, cases.c.day == table.c.day, cases.c.closed_at.is_(None))
        .scalar_subquery()
    )
    query = sa.select(table, open_cases.label("open_cases")).where(table.c.partner == partner, table.c.day == day)
    return (await conn.execute(query)).mappings().one_or_none()


async def differences(conn: AsyncConnection, partner: str, day: date) -> Rows:
    """Money of the day's lines that two people booked, in the order of its booking."""
    table = settlement_differences
    query = sa.select(table).where(table.c.partner == partner, table.c.day == day).order_by(table.c.payment_id)
    return (await conn.execute(query)).mappings().all()


async def case(conn: AsyncConnection, case_id: UUID) -> Mapping[Any, Any] | None:
    return (await conn.execute(sa.select(cases).where(cases.c.case_id == case_id))).mappings().one_or_none()


async def case_list(
    conn: AsyncConnection,
    *,
    partner: str | None,
    kind: str | None,
    owner: str | None,
    open_only: bool,
    after: UUID | None,
    limit: int,
) -> Rows:
    """The oldest first: it has waited longest."""
    query = sa.select(cases).order_by(cases.c.case_id).limit(limit)
    for column, wanted in ((cases.c.partner, partner), (cases.c.kind, kind), (cases.c.owner, owner)):
        if wanted is not None:
            query = query.where(column == wanted)
    if open_only:
        query = query.where(cases.c.closed_at.is_(None))
    if after is not None:
        query = query.where(cases.c.case_id > after)
    return (await conn.execute(query)).mappings().all()
