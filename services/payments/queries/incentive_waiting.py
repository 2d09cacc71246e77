"""Payouts that are not with their Wadah yet: what each lacks, and which are late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.queries.incentive_payouts import KEY, is_to_order, is_unpaid, of_own_branch, with_orders
from services.payments.queries.incentives import stands_under
from services.payments.tables import payee_accounts
from services.payments.tables.incentives import agreements, incentive_runs, wadah_statements

Rows = Sequence[Mapping[Any, Any]]


def _has_account(*, verified: bool) -> sa.ColumnElement[bool]:
    """Over `agreements`: money may go to an account of the Wadah, or could once it is verified."""
    found = sa.exists().select_from(payee_accounts).where(of_own_branch()).correlate(agreements)
    return found.where(payee_accounts.c.verified_by.is_not(None)) if verified else found


def _of_wadah() -> sa.Join:
    return with_orders().join(agreements, stands_under(wadah_statements))


async def to_tell(conn: AsyncConnection, now: datetime, limit: int, held_back: sa.ColumnElement[bool]) -> list[str]:
    """Keys Wadah:month whose last day is over by now, unpaid and untold, the oldest first."""
    w = wadah_statements
    query = sa.select(KEY.label("key")).select_from(with_orders())
    query = query.where(is_unpaid(), w.c.overdue_at.is_(None), w.c.pay_by <= now, sa.not_(held_back))
    return [row.key for row in await conn.execute(query.order_by(w.c.pay_by, w.c.wadah_id).limit(limit))]


async def waiting(
    conn: AsyncConnection,
    scope: sa.ColumnElement[bool],
    now: datetime,
    *,
    overdue: bool | None,
    wadah_id: UUID | None,
    after: tuple[str, UUID] | None,
    limit: int,
) -> Rows:
    """The oldest month first, within this scope (over `wadah_statements`), with `ordered`, `recorded` and `verified` for the step that is missing."""
    w = wadah_statements
    query = (
        sa.select(
            w,
            agreements.c.name.label("wadah"),
            agreements.c.agreement_number,
            sa.not_(is_to_order()).label("ordered"),
            _has_account(verified=False).label("recorded"),
            _has_account(verified=True).label("verified"),
        )
        .select_from(_of_wadah())
        .where(scope, is_unpaid())
    )
    if overdue is not None:
        query = query.where(w.c.pay_by <= now if overdue else w.c.pay_by > now)
    if wadah_id is not None:
        query = query.where(w.c.wadah_id == wadah_id)
    if after is not None:
        query = query.where(sa.tuple_(w.c.month, w.c.wadah_id) > after)
    return (await conn.execute(query.order_by(w.c.month, w.c.wadah_id).limit(limit))).mappings().all()


async def accounts(conn: AsyncConnection, wadah: Sequence[UUID]) -> dict[UUID, tuple[bool, bool]]:
    """By Wadah: whether an account of it is recorded, and whether one is verified too."""
    query = sa.select(
        agreements.c.wadah_id,
        _has_account(verified=False).label("recorded"),
        _has_account(verified=True).label("verified"),
    ).where(agreements.c.wadah_id.in_(wadah))
    return {row.wadah_id: (row.recorded, row.verified) for row in await conn.execute(query)}


async def count_overdue(conn: AsyncConnection, now: datetime) -> int:
    """Payouts whose last day is over by now and that nothing confirms."""
    query = sa.select(sa.func.count()).select_from(with_orders()).where(is_unpaid(), wadah_statements.c.pay_by <= now)
    return int((await conn.execute(query)).scalar_one())


async def count_without_account(conn: AsyncConnection, _: datetime) -> int:
    """Payouts that are stated and cannot be ordered: their Wadah has no verified account."""
    query = sa.select(sa.func.count()).select_from(_of_wadah())
    query = query.where(is_to_order(), sa.not_(_has_account(verified=True)))
    return int((await conn.execute(query)).scalar_one())


async def count_unfinished_runs(conn: AsyncConnection, now: datetime) -> int:
    """Runs whose payouts were due by now, and that have not stated all of them."""
    r = incentive_runs
    query = sa.select(sa.func.count()).select_from(r).where(r.c.completed_at.is_(None), r.c.pay_by <= now)
    return int((await conn.execute(query)).scalar_one())
