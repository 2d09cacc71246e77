"""What people are shown, within their scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.tables import bills, payers, payments


async def is_visible(conn: AsyncConnection, participant_id: UUID, scope: sa.ColumnElement[bool]) -> bool:
    """Whether this payer exists within this scope (over `payers`)."""
    query = sa.select(payers.c.participant_id).where(payers.c.participant_id == participant_id, scope)
    return (await conn.execute(query)).first() is not None


async def payer_of_bill(conn: AsyncConnection, bill_id: UUID, scope: sa.ColumnElement[bool]) -> UUID | None:
    """Whose bill this is, if the payer is within this scope (over `payers`)."""
    query = (
        sa.select(payers.c.participant_id)
        .join(bills, bills.c.participant_id == payers.c.participant_id)
        .where(bills.c.bill_id == bill_id, scope)
    )
    found: UUID | None = (await conn.execute(query)).scalar()
    return found


async def bills_of(
    conn: AsyncConnection, participant_id: UUID, scope: sa.ColumnElement[bool]
) -> Sequence[Mapping[Any, Any]]:
    """All bills of a payer within this scope (over `payers`), newest first."""
    query = (
        sa.select(bills)
        .join(payers, payers.c.participant_id == bills.c.participant_id)
        .where(bills.c.participant_id == participant_id, scope)
        .order_by(bills.c.issued_at.desc(), bills.c.bill_id.desc())
    )
    return (await conn.execute(query)).mappings().all()


async def payments_of(
    conn: AsyncConnection, participant_id: UUID, scope: sa.ColumnElement[bool]
) -> Sequence[Mapping[Any, Any]]:
    """All payments of a payer within this scope (over `payers`), newest first."""
    query = (
        sa.select(payments)
        .join(payers, payers.c.participant_id == payments.c.participant_id)
        .where(payments.c.participant_id == participant_id, scope)
        .order_by(payments.c.posted_at.desc(), payments.c.payment_id.desc())
    )
    return (await conn.execute(query)).mappings().all()


async def totals(conn: AsyncConnection, scope: sa.ColumnElement[bool]) -> Mapping[Any, Any]:
    """Over the payers of this scope: how many there are, were ever billed, have paid; and the rupiah that stand as paid."""
    billed = sa.exists().where(bills.c.participant_id == payers.c.participant_id)
    standing = payments.c.reversed_for.is_(None)
    paid = sa.exists().where(payments.c.participant_id == payers.c.participant_id, standing)
    received = (
        sa.select(sa.func.coalesce(sa.func.sum(payments.c.amount), 0))
        .join(payers, payers.c.participant_id == payments.c.participant_id)
        .where(standing, scope)
        .scalar_subquery()
    )
    query = sa.select(
        sa.func.count().label("participants"),
        sa.func.count().filter(billed).label("billed"),
        sa.func.count().filter(paid).label("paid"),
        sa.cast(received, sa.BigInteger).label("contributions"),
    ).where(scope)
    return (await conn.execute(query.select_from(payers))).mappings().one()
