"""What the calendar brings: unpaid registrations expire, protection enters grace, participations lapse (T2, T5, T8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.vault import Vault
from chassis.timers import Timer, backed_off
from services.registration.commands.protection import WorkingTheCalendar
from services.registration.tables import participants

CALENDAR: Final = "calendar"


def timers(vault: Vault) -> list[Timer]:
    return [Timer(CALENDAR, due, WorkingTheCalendar(vault), batch=500)]


async def due(conn: AsyncConnection, now: datetime, most: int) -> Sequence[str]:
    """Participants whose standing the calendar changes by `now`, oldest first (index participants_due)."""
    key = sa.cast(participants.c.participant_id, sa.Text)
    query = (
        sa.select(key)
        .where(participants.c.due_at <= now, sa.not_(backed_off(CALENDAR, key, now)))
        .order_by(participants.c.due_at, participants.c.participant_id)
        .limit(most)
    )
    return (await conn.execute(query)).scalars().all()
