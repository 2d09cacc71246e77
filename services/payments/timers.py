"""What falls due in payments: bills past their end, and plumbing past its use."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.clock import Clock
from chassis.timers import Timer, backed_off
from services.payments.commands.bills import expire_bills
from services.payments.commands.housekeeping import Tidy, limits
from services.payments.queries import due
from services.payments.tables import bills

EXPIRE, TIDY = "bill-expiry", "snap-housekeeping"


def timers(clock: Clock, *, keep_inquiries_days: int) -> Sequence[Timer]:
    """Bills end by business time; tokens and X-EXTERNAL-IDs by the wall clock."""

    async def old_plumbing(conn: AsyncConnection, _: datetime, limit: int) -> Sequence[str]:
        old = limits(clock.wall(), keep_inquiries_days=keep_inquiries_days)
        return ["all"] if await due.has_old_plumbing(conn, old) else []

    return [
        Timer(EXPIRE, _ended_bills, expire_bills),
        Timer(TIDY, old_plumbing, Tidy(keep_inquiries_days), every_s=60.0),
    ]


async def _ended_bills(conn: AsyncConnection, now: datetime, limit: int) -> Sequence[str]:
    held_back = backed_off(EXPIRE, sa.cast(bills.c.participant_id, sa.Text), now)
    return await due.bills_due_to_expire(conn, now, limit, held_back)
