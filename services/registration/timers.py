"""What the calendar brings: unpaid registrations expire, protection enters grace, participations lapse (T2, T5, T8).

And participants whose agent was dropped or dismissed come to the branch, agreements that end without a renewal are told of, and erasures that
everybody has cleared are carried out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.forgetting import Forgetting
from chassis.privacy.vault import Vault
from chassis.timers import Timer, backed_off
from services.registration.commands.erasing import Erasing
from services.registration.commands.protection import WorkingTheCalendar
from services.registration.commands.reassigning import HandingOver
from services.registration.commands.renewals import tell_renewals
from services.registration.domain.erasure import ErasureStatus
from services.registration.queries import renewals
from services.registration.tables import agents, erasures, participants

CALENDAR: Final = "calendar"
HANDOVER: Final = "handover"
ERASURE: Final = "erasure"
RENEWALS: Final = "renewals"


def timers(vault: Vault, forget: Forgetting) -> list[Timer]:
    return [
        Timer(ERASURE, cleared, Erasing(vault, forget)),
        Timer(CALENDAR, due, WorkingTheCalendar(vault), batch=500),
        Timer(HANDOVER, orphaned, HandingOver(vault), batch=500),
        Timer(RENEWALS, untold, tell_renewals, every_s=60.0),
    ]


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


async def orphaned(conn: AsyncConnection, now: datetime, most: int) -> Sequence[str]:
    """Participants of agents who have left, of whoever left first first (indexes agents_left, participants_of_agent)."""
    key = sa.cast(participants.c.participant_id, sa.Text)
    query = (
        sa.select(key)
        .join(agents, agents.c.agent_id == participants.c.agent_id)
        .where(agents.c.left_on.is_not(None), sa.not_(backed_off(HANDOVER, key, now)))
        .order_by(agents.c.left_on, participants.c.participant_id)
        .limit(most)
    )
    return (await conn.execute(query)).scalars().all()


async def untold(conn: AsyncConnection, now: datetime, most: int) -> Sequence[str]:
    """Wadah whose renewal is due by `now` and was not told of."""
    return await renewals.to_tell(conn, now, most, backed_off(RENEWALS, renewals.KEY, now))


async def cleared(conn: AsyncConnection, now: datetime, most: int) -> Sequence[str]:
    """Participants whose erasure nobody holds anything against, and forgotten ones whom an office still names (indexes erasures_open,
    participants_forgotten), the oldest first.
    """
    waiting = sa.select(erasures.c.participant_id).where(
        erasures.c.decided_at.is_(None), erasures.c.status == str(ErasureStatus.CLEARED)
    )
    named = sa.select(agents.c.participant_id).join(
        participants, participants.c.participant_id == agents.c.participant_id
    )
    named = named.where(participants.c.forgotten, agents.c.name.is_not(None))
    found = sa.union(waiting, named).subquery()
    key = sa.cast(found.c.participant_id, sa.Text)
    query = sa.select(key).where(sa.not_(backed_off(ERASURE, key, now))).order_by(key).limit(most)
    return (await conn.execute(query)).scalars().all()
