"""Who paid more than a later rule asks, and what a payer's credit is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from services.payments.domain.parameters import ContributionRules
from services.payments.domain.paying import Posted
from services.payments.store import posted_of
from services.payments.tables import credit_passes, payers, payments

_NOBODY = UUID(int=0)
_OVERPAID = sa.text(
    "SELECT DISTINCT p.participant_id FROM payments p"
    " JOIN payers y ON y.participant_id = p.participant_id"
    " LEFT JOIN bills b ON b.bill_id = p.bill_id"
    " CROSS JOIN LATERAL jsonb_array_elements(p.months) AS m"
    " JOIN unnest(CAST(:sectors AS text[]), CAST(:firsts AS text[]), CAST(:lasts AS text[])) AS w(sector, first, last)"
    "  ON w.sector = COALESCE(b.sector, y.sector) AND m->>'month' BETWEEN w.first AND w.last"
    " WHERE p.participant_id > :after AND p.reversed_for IS NULL AND y.blocked IS NULL AND m->>'discounted' = 'false'"
    " AND COALESCE(b.funding_source, y.funding_source) <> ALL(CAST(:never AS text[]))"
    " AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements(y.credited) AS c WHERE c->>'month' = m->>'month')"
    " AND NOT EXISTS (SELECT 1 FROM timer_backoff t"
    "  WHERE t.timer = :timer AND t.key = p.participant_id::text AND t.not_before > :now)"
    " ORDER BY p.participant_id LIMIT :most"
).columns(participant_id=payers.c.participant_id.type)


async def overpaid(
    conn: AsyncConnection, rules: ContributionRules, *, after: UUID | None, timer: str, now: Any, limit: int
) -> list[UUID]:
    """Payers with a paid month that was charged in full and is discounted by these rules, in the order of their ids from `after` on."""
    bound = {
        "sectors": [str(one.sector) for one in rules.discounts],
        "firsts": [str(one.first) for one in rules.discounts],
        "lasts": [str(one.last) for one in rules.discounts],
        "never": [str(source) for source in rules.never_discounted],
        "after": after or _NOBODY,
        "timer": timer,
        "now": now,
        "most": limit,
    }
    return [row.participant_id for row in await conn.execute(_OVERPAID, bound)]


async def is_passed(conn: AsyncConnection, day: date) -> bool:
    """Whether everybody was looked at on this day."""
    query = sa.select(credit_passes.c.day).where(credit_passes.c.day == day)
    return (await conn.execute(query)).first() is not None


async def standing_payments(conn: AsyncConnection, participants: Collection[UUID]) -> list[Posted]:
    """What these payers paid and still stands, oldest first."""
    query = (
        sa.select(payments)
        .where(rows.matching(payments.c.participant_id, participants), payments.c.reversed_for.is_(None))
        .order_by(payments.c.posted_at, payments.c.payment_id)
    )
    return [posted_of(row) for row in (await conn.execute(query)).mappings()]


async def credit_of(
    conn: AsyncConnection, participant_id: UUID, scope: sa.ColumnElement[bool]
) -> Mapping[Any, Any] | None:
    """Credit and credited months of a payer within this scope (over `payers`)."""
    query = sa.select(payers.c.participant_id, payers.c.credit, payers.c.from_suspense, payers.c.credited)
    found = await conn.execute(query.where(payers.c.participant_id == participant_id, scope))
    return found.mappings().first()
