"""What people are shown of money that went astray or leaves, within their scope, a page at a time in the order of their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.tables import payee_accounts, proposals, refunds, suspense, transfer_orders

Rows = Sequence[Mapping[Any, Any]]

_PENDING = (
    sa.select(proposals.c.proposal_id)
    .where(proposals.c.payment_id == suspense.c.payment_id, proposals.c.status == "PENDING")
    .order_by(proposals.c.proposal_id)
    .limit(1)
    .scalar_subquery()
    .label("proposal_id")
)


async def cases(
    conn: AsyncConnection,
    scope: sa.ColumnElement[bool],
    *,
    closed: bool,
    reason: str | None,
    after: UUID | None,
    limit: int,
) -> Rows:
    """Money in suspense with the proposal that waits for a decision on it, if any."""
    query = sa.select(suspense, _PENDING).where(scope, suspense.c.held == 0 if closed else suspense.c.held > 0)
    if reason is not None:
        query = query.where(suspense.c.reason == reason)
    return await _page(conn, query, suspense.c.payment_id, after, limit)


async def proposals_made(
    conn: AsyncConnection, scope: sa.ColumnElement[bool], status: str | None, after: UUID | None, limit: int
) -> Rows:
    query = sa.select(proposals).where(scope)
    if status is not None:
        query = query.where(proposals.c.status == status)
    return await _page(conn, query, proposals.c.proposal_id, after, limit)


async def payees(conn: AsyncConnection, owner_id: UUID | None, scope: sa.ColumnElement[bool], limit: int) -> Rows:
    query = sa.select(payee_accounts).where(scope)
    if owner_id is not None:
        query = query.where(payee_accounts.c.owner_id == owner_id)
    return await _page(conn, query, payee_accounts.c.payee_account_id, None, limit)


async def payee(
    conn: AsyncConnection, payee_account_id: UUID, scope: sa.ColumnElement[bool]
) -> Mapping[Any, Any] | None:
    query = sa.select(payee_accounts).where(payee_accounts.c.payee_account_id == payee_account_id, scope)
    return (await conn.execute(query)).mappings().first()


async def orders(
    conn: AsyncConnection, scope: sa.ColumnElement[bool], status: str | None, after: UUID | None, limit: int
) -> Rows:
    query = sa.select(transfer_orders).where(scope)
    if status is not None:
        query = query.where(transfer_orders.c.status == status)
    return await _page(conn, query, transfer_orders.c.order_id, after, limit)


async def refunds_owed(conn: AsyncConnection, scope: sa.ColumnElement[bool], after: UUID | None, limit: int) -> Rows:
    """Every refund with what became of its transfer."""
    theirs = sa.and_(
        transfer_orders.c.purpose == "REFUND",
        transfer_orders.c.reference == sa.cast(refunds.c.payment_id, sa.Text),
    )
    query = (
        sa.select(refunds, transfer_orders.c.status.label("order_status"))
        .outerjoin(transfer_orders, theirs)
        .where(scope)
    )
    return await _page(conn, query, refunds.c.payment_id, after, limit)


async def _page(
    conn: AsyncConnection, query: sa.Select[Any], key: sa.Column[Any], after: UUID | None, limit: int
) -> Rows:
    if after is not None:
        query = query.where(key > after)
    found: Rows = (await conn.execute(query.order_by(key).limit(limit))).mappings().all()
    return found
