"""Partners and their terms: loaded, folded with `domain.partners.evolve`, written back whole."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.events import partners as later
from contracts.events.contributions import (
    PartnerDisabled,
    PartnerEnabled,
    PartnerKeyRotated,
)
from services.payments import tables
from services.payments.domain.partners import Partner, evolve
from services.payments.partner_rows import load_partners, partner_row

_OF_PARTNER = frozenset({PartnerEnabled, PartnerKeyRotated, PartnerDisabled, *later.EVENTS})


async def partners(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OF_PARTNER]
    changed = {r.envelope.key for r in events if not isinstance(r.event, PartnerEnabled)}
    found: dict[str, Partner] = await load_partners(conn, changed) if changed else {}
    for one in events:
        found[one.envelope.key] = evolve(found.get(one.envelope.key), one.event)
    await rows.upsert(
        conn, tables.partners, [partner_row(partner) for partner in found.values()], order=("client_key",)
    )
