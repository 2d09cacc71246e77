"""Wadah whose last agreement ends without one that follows, or with nobody's word that none is to follow.

Asked of the JSON of some thousand rows, now and then: no index.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.registration.domain.calendar import wib_date
from services.registration.domain.parameters import AGENCY, in_force
from services.registration.tables import wadah

KEY = sa.cast(wadah.c.wadah_id, sa.Text)
_LAST = wadah.c.agreements[-1]


def is_due(today: date) -> sa.ColumnElement[bool]:
    """Over `wadah`: as `domain.wadah.renewal_due` says of one."""
    return _ends_by(today + timedelta(days=in_force(AGENCY, today).renewal_told_days))


def _ends_by(day: date) -> sa.ColumnElement[bool]:
    """Days are compared as they are written, year first."""
    return sa.and_(_LAST["ended"].astext.is_(None), _LAST["to"].astext <= day.isoformat())


async def to_tell(conn: AsyncConnection, now: datetime, most: int, held_back: sa.ColumnElement[bool]) -> Sequence[str]:
    """Keys of Wadah whose renewal is due and untold, the nearest end first."""
    untold = _LAST["told"].astext.is_(None)
    query = sa.select(KEY).where(is_due(wib_date(now)), untold, sa.not_(held_back))
    return (await conn.execute(query.order_by(_LAST["to"].astext, wadah.c.wadah_id).limit(most))).scalars().all()


async def count_urgent(conn: AsyncConnection, now: datetime) -> int:
    """Those that end within `renewal_urgent_days`, or are over."""
    today = wib_date(now)
    near = _ends_by(today + timedelta(days=in_force(AGENCY, today).renewal_urgent_days))
    return int((await conn.execute(sa.select(sa.func.count()).select_from(wadah).where(near))).scalar_one())
