"""What has fallen due, by business time or by the wall clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.tables import bills


async def bills_due_to_expire(
    conn: AsyncConnection, now: datetime, limit: int, held_back: sa.ColumnElement[bool]
) -> list[str]:
    """Payers whose open bill is past its end, the oldest first."""
    query = (
        sa.select(bills.c.participant_id)
        .where(bills.c.status == "OPEN", bills.c.expires_at <= now, sa.not_(held_back))
        .order_by(bills.c.expires_at)
        .limit(limit)
    )
    return [str(row.participant_id) for row in await conn.execute(query)]


async def has_old_plumbing(conn: AsyncConnection, limits: Mapping[sa.Table, tuple[str, Any]]) -> bool:
    """Whether any of these tables holds a row whose named column is below its limit."""
    asked = [sa.exists().where(table.c[column] < limit) for table, (column, limit) in limits.items()]
    return bool((await conn.execute(sa.select(sa.or_(*asked)))).scalar())
