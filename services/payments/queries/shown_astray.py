"""What people are shown of money that went astray or leaves, within their scope, a page at a time in the order of their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by, array
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.tables import payee_accounts, proposals, refunds, suspense, transfer_orders

Rows = Sequence[Mapping[Any, Any]]


_WAITING = proposals.alias("waiting")


def _pending(*about: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    """The ids of proposals that wait for a decision, in their order: of two about the same money either may be approved first."""
    ids = sa.func.array_agg(aggregate_order_by(_WAITING.c.proposal_id, _WAITING.c.proposal_id))
    none = sa.cast(array([]), ARRAY(PG_UUID))
    return sa.select(sa.func.coalesce(ids, none)).where(_WAITING.c.status == "PENDING", *about).scalar_subquery()


async def cases(
    conn: AsyncConnection,
    scope: sa.ColumnElement[bool],
    *,
    closed: bool,
    reason: str | None,
    after: UUID | None,
    limit: int,
) -> Rows:
    """Money in suspense with every proposal that waits for a decision on it."""
    pending = _pending(_WAITING.c.payment_id == suspense.c.payment_id).label("pending")
    query = sa.select(suspense, pending).where(scope, suspense.c.held == 0 if closed else suspense.c.held > 0)
    if reason is not None:
        query = query.where(suspense.c.reason == reason)
    return await _page(conn, query, suspense.c.payment_id, after, limit)


async def proposals_made(
    conn: AsyncConnection, scope: sa.ColumnElement[bool], status: str | None, after: UUID | None, limit: int
) -> Rows:
    """Each with what else is pending about the same money (`others_pending`)."""
    others = _pending(
        _WAITING.c.payment_id == proposals.c.payment_id, _WAITING.c.proposal_id != proposals.c.proposal_id
    )
    query = sa.select(proposals, others.label("others_pending")).where(scope)
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
