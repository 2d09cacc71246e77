"""Settlement files, lines, days and cases as people see them: the central office, operators and auditors, over all branches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

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
    conn: AsyncConnection, *, partner: str | None, day: date | None, before: UUID | None, limit: int
) -> Rows:
    """Newest first."""
    table = settlement_files
    query = sa.select(table).order_by(table.c.file_id.desc()).limit(limit)
    for column, wanted in ((table.c.partner, partner), (table.c.day, day)):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(table.c.file_id < before)
    return (await conn.execute(query)).mappings().all()


async def file(conn: AsyncConnection, file_id: UUID) -> Mapping[Any, Any] | None:
    query = sa.select(settlement_files).where(settlement_files.c.file_id == file_id)
    return (await conn.execute(query)).mappings().one_or_none()


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
