"""Receipts by the partner's own reference: what is booked already, whatever door it came through."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.domain.paying import Posted
from services.payments.domain.suspense import VOIDED
from services.payments.store import posted_of
from services.payments.tables import payments, suspense

Reference = tuple[str, str]
"""(partner, its own id of a payment)."""


@dataclass(frozen=True, slots=True)
class Booked:
    """One receipt. `waits_for`: why it is or was in suspense; None when it never was, or was found never to have come."""

    posted: Posted
    waits_for: str | None


async def booked_under(conn: AsyncConnection, references: Collection[Reference]) -> dict[Reference, Booked]:
    """The receipts of these references. One statement for any number."""
    ordered = sorted(references)
    asked = sa.select(
        sa.func.unnest(sa.cast([partner for partner, _ in ordered], sa.ARRAY(sa.Text))).label("partner"),
        sa.func.unnest(sa.cast([reference for _, reference in ordered], sa.ARRAY(sa.Text))).label("reference"),
    ).subquery()
    query = (
        sa.select(payments, sa.case((suspense.c.outcome == VOIDED, None), else_=suspense.c.reason).label("waits_for"))
        .join(asked, sa.and_(payments.c.partner == asked.c.partner, payments.c.channel_reference == asked.c.reference))
        .outerjoin(
            suspense,
            sa.and_(
                suspense.c.partner == payments.c.partner, suspense.c.channel_reference == payments.c.channel_reference
            ),
        )
    )
    found = (await conn.execute(query)).mappings()
    return {(row["partner"], row["channel_reference"]): Booked(posted_of(row), row["waits_for"]) for row in found}
