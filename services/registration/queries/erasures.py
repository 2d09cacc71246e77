"""Requests for erasure: as the central office sees them, and counted for the alarms of operators. They name nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.values import ParticipantId
from services.registration import states
from services.registration.domain import duty
from services.registration.domain.erasure import OPEN, Erasure, obstacles_told
from services.registration.tables import erasures


async def listed(
    conn: AsyncConnection, now: datetime, *, participant_id: ParticipantId | None, only_open: bool, limit: int
) -> Sequence[dict[str, Any]]:
    """The open ones first, the oldest of them first; then the others, the latest first."""
    query = sa.select(erasures).order_by(
        erasures.c.decided_at.desc().nulls_first(), erasures.c.requested_at, erasures.c.participant_id
    )
    if participant_id is not None:
        query = query.where(erasures.c.participant_id == participant_id)
    if only_open:
        query = query.where(erasures.c.decided_at.is_(None))
    found = await conn.execute(query.limit(limit))
    return [_shown(states.erasure_of(states.part_of(row, erasures)), now) for row in found]


def _shown(one: Erasure, now: datetime) -> dict[str, Any]:
    return {
        "participant_id": str(one.participant_id),
        "erasure_id": str(one.erasure_id),
        "ground": str(one.ground),
        "status": str(one.status),
        "requested_by": one.requested_by,
        "requested_at": one.requested_at.isoformat(),
        "due_by": duty.due_by(one.requested_at).isoformat(),
        "hours_left": duty.hours_left(one.requested_at, now) if one.status in OPEN else None,
        "decided_at": None if one.decided_at is None else one.decided_at.isoformat(),
        "obstacles": [{"code": each.code, "messages": {"id": each.id, "en": each.en}} for each in obstacles_told(one)],
        "retained_until": None if one.retained_until is None else one.retained_until.isoformat(),
    }


async def count_near(conn: AsyncConnection, now: datetime) -> int:
    """Open requests whose duty ends within duty.WARNED, or has ended."""
    return await _count_open(conn, duty.asked_by(now, left=duty.WARNED))


async def count_late(conn: AsyncConnection, now: datetime) -> int:
    """Open requests whose duty has ended."""
    return await _count_open(conn, duty.asked_by(now))


async def _count_open(conn: AsyncConnection, before: datetime) -> int:
    query = sa.select(sa.func.count()).where(erasures.c.decided_at.is_(None), erasures.c.requested_at <= before)
    return (await conn.execute(query)).scalar_one()
