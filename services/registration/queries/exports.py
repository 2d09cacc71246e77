"""Requests for a copy: as those see them who are to hand it over, and counted for the alarms of operators. They name nobody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.http import Principal, within
from contracts.values import ParticipantId
from services.registration import states
from services.registration.domain import duty
from services.registration.domain.export import Export, ExportStatus
from services.registration.tables import exports, participants

_JOINED = exports.join(participants, participants.c.participant_id == exports.c.participant_id)
_OWED = sa.and_(exports.c.given_at.is_(None), sa.not_(participants.c.forgotten))
"""Who was erased meanwhile is owed nothing more."""


async def listed(
    conn: AsyncConnection,
    principal: Principal,
    now: datetime,
    *,
    participant_id: ParticipantId | None,
    only_open: bool,
    limit: int,
) -> Sequence[dict[str, Any]]:
    """Within the scope of who asks, as it is today: the open ones first, the oldest of them first; then the others, the latest first."""
    query = (
        sa.select(exports, participants.c.forgotten)
        .select_from(_JOINED)
        .where(within(principal, participants))
        .order_by(
            sa.not_(_OWED), exports.c.given_at.desc().nulls_last(), exports.c.requested_at, exports.c.participant_id
        )
        .limit(limit)
    )
    if participant_id is not None:
        query = query.where(exports.c.participant_id == participant_id)
    if only_open:
        query = query.where(_OWED)
    found = (await conn.execute(query)).all()
    return [_shown(states.export_of(states.part_of(row, exports)), row.forgotten, now) for row in found]


def _shown(one: Export, forgotten: bool, now: datetime) -> dict[str, Any]:
    status = one.status(forgotten=forgotten)
    return {
        "participant_id": str(one.participant_id),
        "export_id": str(one.export_id),
        "status": str(status),
        "requested_by": one.requested_by,
        "requested_at": one.requested_at.isoformat(),
        "due_by": duty.due_by(one.requested_at).isoformat(),
        "hours_left": duty.hours_left(one.requested_at, now) if status is ExportStatus.REQUESTED else None,
        "given_by": one.given_by,
        "given_at": None if one.given_at is None else one.given_at.isoformat(),
    }


async def count_near(conn: AsyncConnection, now: datetime) -> int:
    """Copies still owed whose duty ends within duty.WARNED, or has ended."""
    return await _count_open(conn, duty.asked_by(now, left=duty.WARNED))


async def count_late(conn: AsyncConnection, now: datetime) -> int:
    """Copies still owed whose duty has ended."""
    return await _count_open(conn, duty.asked_by(now))


async def _count_open(conn: AsyncConnection, before: datetime) -> int:
    query = sa.select(sa.func.count()).select_from(_JOINED).where(_OWED, exports.c.requested_at <= before)
    return (await conn.execute(query)).scalar_one()
