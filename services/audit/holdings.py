"""What audit tells a person for their copy: each answer in which their data was shown, from the archive, by the kind of reader and never by name."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.held import Words
from chassis.http import Principal
from chassis.http.scope import within
from contracts.events.erasure import ParticipantForgotten
from services.audit.api.showing import event_shown
from services.audit.cold.shelf import Shelf
from services.audit.domain.reads import Told
from services.audit.queries.leaves import with_leaves
from services.audit.tables import archive, shown

TABLE: Final = "reads"
COLUMNS: Final = {
    "at": "at",
    "roles": "roles",
    "service": "service",
    "door": "door",
    "kinds": "kinds",
    "people": "persons",
    "event_id": "event_id",
}
"""Of the copy → of `Told`. Not the actor, who is somebody else (UU 27/2022 Art. 33)."""
TITLE: Final = Words("Kapan dan kepada siapa data Anda diperlihatkan", "When your data was shown, and to whom")
TOLD: Final = (
    Words(
        "Siapa yang melihat data Anda disebut menurut perannya, tidak dengan namanya; auditor mengetahui namanya.",
        "Who saw your data is told by their role and not by name; the auditor knows the name.",
    ),
    Words(
        "Yang diperlihatkan beberapa detik terakhir, juga untuk salinan ini, mungkin belum ada di daftar itu.",
        "What was shown in the last seconds, for this copy too, may not be in that list yet.",
    ),
)


def _of(who: UUID) -> sa.ColumnElement[bool]:
    return sa.and_(archive.c.stream == ParticipantForgotten.stream, archive.c.key == str(who))


async def is_seen(conn: AsyncConnection, principal: Principal, who: UUID) -> bool:
    """Whether this person is known here and within the principal's scope, by what was recorded of them last."""
    last = sa.select(archive).where(_of(who)).order_by(archive.c.seq.desc(), archive.c.place).limit(1).subquery()
    return await conn.scalar(sa.select(last.c.place).where(within(principal, last))) is not None


async def erased_at(conn: AsyncConnection, who: UUID) -> datetime | None:
    """Since when nothing names this person any more."""
    gone = archive.c.type == ParticipantForgotten.type
    found: datetime | None = await conn.scalar(sa.select(sa.func.min(archive.c.recorded_at)).where(_of(who), gone))
    return found


async def shown_to_others(conn: AsyncConnection, shelf: Shelf, who: UUID) -> list[dict[str, Any]]:
    """A row for each answer, the oldest first. `kinds`: what of this person was in it; `people`: of how many it was."""
    asked = sa.select(archive).join(shown, shown.c.place == archive.c.place).where(shown.c.participant_id == who)
    rows = (await conn.execute(asked.order_by(shown.c.recorded_at, shown.c.place))).mappings().all()
    told = [Told.of(row, event_shown(row, []).payload or {}, participant=who) for row in await with_leaves(shelf, rows)]
    return [{name: getattr(one, of) for name, of in COLUMNS.items()} for one in told]
