"""What people are shown, within their scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.tables import bills, payers, payments, refunds


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
    """Over the payers of this scope: how many there are, were ever billed, have paid; and the rupiah that stand on the accounts of contributions
    for them: what their payments cost, less months that were given back and what became credit of months that were not."""
    billed = sa.exists().where(bills.c.participant_id == payers.c.participant_id)
    standing = payments.c.reversed_for.is_(None)
    paid = sa.exists().where(payments.c.participant_id == payers.c.participant_id, standing)
    cost = _sum(payments.c.amount + _BY_CREDIT, payments, standing, scope)
    of_standing = sa.exists().where(payments.c.payment_id == refunds.c.payment_id, standing)
    given_back = _sum(refunds.c.amount, refunds, of_standing, scope)
    credited = sa.func.coalesce(sa.func.sum(_CREDITED), 0)
    query = sa.select(
        sa.func.count().label("participants"),
        sa.func.count().filter(billed).label("billed"),
        sa.func.count().filter(paid).label("paid"),
        sa.cast(cost - given_back - credited, sa.BigInteger).label("contributions"),
    ).where(scope)
    return (await conn.execute(query.select_from(payers))).mappings().one()


def _sum(what: sa.ColumnElement[Any], table: sa.Table, *where: sa.ColumnElement[bool]) -> sa.ScalarSelect[Any]:
    """Over the rows of payers."""
    query = sa.select(sa.func.coalesce(sa.func.sum(what), 0)).select_from(table)
    return query.join(payers, payers.c.participant_id == table.c.participant_id).where(*where).scalar_subquery()


_BY_CREDIT = sa.literal_column(
    "CASE WHEN payments.months @? '$[*].credit' THEN"
    " (SELECT sum(CAST(m->>'credit' AS bigint)) FROM jsonb_array_elements(payments.months) m"
    "  WHERE m ? 'credit') ELSE 0 END",
    sa.BigInteger,
)
"""How much of a payment's months was paid from credit; most have none, and are not taken apart."""
_CREDITED = sa.literal_column(
    "(SELECT sum(CAST(c->>'jkk' AS bigint) + CAST(c->>'jkm' AS bigint)) FROM jsonb_array_elements(payers.credited) c)",
    sa.BigInteger,
)
"""What a payer's paid months had cost too much: it stands as credit, or was used as such."""
