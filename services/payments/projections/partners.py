"""Partners and their terms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.events.contributions import (
    PartnerDisabled,
    PartnerEnabled,
    PartnerKeyRotated,
)
from services.payments import tables

_OF_PARTNER = frozenset({PartnerEnabled, PartnerKeyRotated, PartnerDisabled})


async def partners(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OF_PARTNER]
    changed = {r.envelope.key for r in events if not isinstance(r.event, PartnerEnabled)}
    found: dict[str, dict[str, Any]] = {}
    if changed:
        query = sa.select(tables.partners).where(rows.matching(tables.partners.c.partner, changed))
        found = {row["partner"]: dict(row) for row in (await conn.execute(query)).mappings()}
    for recorded in events:
        match recorded.event:
            case PartnerEnabled() as event:
                found[event.partner] = _partner(event)
            case PartnerKeyRotated() as event:
                found[event.partner] |= {"public_keys": list(event.public_keys)}
            case PartnerDisabled() as event:
                found[event.partner] |= {"disabled_for": event.reason}
    await rows.upsert(conn, tables.partners, list(found.values()), order=("client_key",))


def _partner(event: PartnerEnabled) -> dict[str, Any]:
    return {
        "partner": event.partner,
        "name": event.name,
        "client_key": event.client_key,
        "partner_ids": list(event.partner_ids),
        "va_prefixes": list(event.va_prefixes),
        "public_keys": list(event.public_keys),
        "signature_mode": str(event.signature_mode),
        "repeat_profile": str(event.repeat_profile),
        "strictness": event.strictness.model_dump(mode="json"),
        "disabled_for": None,
    }
