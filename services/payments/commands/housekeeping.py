"""Plumbing that has served its time is deleted: dead tokens and secrets, X-EXTERNAL-IDs of past days, old inquiries, what was
written about disputes long ago."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Tx
from contracts.values import WIB
from services.payments.tables import acquirer_credentials, external_ids, inquiries, partner_secrets, snap_tokens
from services.payments.tables.incentives import dispute_notes

KEEP_WORDS = timedelta(days=730)
"""What people wrote about a dispute may name somebody: no longer than doubts about a statement are of use [O]."""

Limits = Mapping[sa.Table, tuple[str, Any]]
"""Table → the column and the value below which a row is old."""


def limits(wall: datetime, *, keep_inquiries_days: int) -> Limits:
    """Wall time. An X-EXTERNAL-ID is kept a day longer than it can matter."""
    return {
        snap_tokens: ("expires_at", wall - timedelta(hours=1)),
        partner_secrets: ("until", wall),
        acquirer_credentials: ("until", wall),
        external_ids: ("day", wall.astimezone(WIB).date() - timedelta(days=1)),
        inquiries: ("asked_at", wall - timedelta(days=keep_inquiries_days)),
        dispute_notes: ("written_at", wall - KEEP_WORDS),
    }


class Tidy:
    """The use case of the timer; the key says nothing, there is one thing to do."""

    __name__ = "tidy"

    def __init__(self, keep_inquiries_days: int) -> None:
        self._keep_inquiries_days = keep_inquiries_days

    async def __call__(self, tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
        old = limits(tx.wall, keep_inquiries_days=self._keep_inquiries_days)

        async def delete(conn: AsyncConnection) -> None:
            for table, (column, limit) in old.items():
                await conn.execute(sa.delete(table).where(table.c[column] < limit))

        tx.defer(delete)
        return [Done() for _ in items]
