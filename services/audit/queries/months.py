"""Which leaves of the log are a month's.

A checkpoint belongs to the month in which it was signed, and its new leaves with it: a month is a span of places that ends with a checkpoint, and
nothing comes into it later, however late a relay is.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.values import ContributionMonth
from services.audit.domain.merkle import Span
from services.audit.tables import checkpoints


class NotClosed(LookupError):
    """Nothing was signed since the end of the month: what still comes into it is not known."""


class Empty(LookupError):
    """No checkpoint of this month."""


async def span_of(conn: AsyncConnection, log: str, month: ContributionMonth) -> Span:
    """Its leaves. Raises NotClosed, Empty."""
    start = await _signed_before(conn, log, month.starts_at)
    end = await _signed_before(conn, log, month.ends_at)
    if start is None:
        raise Empty(f"nothing was signed in {month} or since")
    if end is None:
        raise NotClosed(f"nothing was signed since the end of {month}")
    if start == end:
        raise Empty(f"nothing was signed in {month}")
    return Span(start, end)


async def checkpoint_at(conn: AsyncConnection, log: str, size: int) -> Any:
    """The row of the checkpoint over so many leaves."""
    asked = sa.select(checkpoints).where(checkpoints.c.log == log, checkpoints.c.size == size)
    return (await conn.execute(asked)).one()


async def _signed_before(conn: AsyncConnection, log: str, moment: datetime) -> int | None:
    """Leaves that were under a checkpoint by then; None when no checkpoint came after, and it may still grow."""
    asked = (
        sa.select(checkpoints.c.before)
        .where(checkpoints.c.log == log, checkpoints.c.signed_at >= moment)
        .order_by(checkpoints.c.size)
        .limit(1)
    )
    found = (await conn.execute(asked)).scalar_one_or_none()
    return None if found is None else int(found)
