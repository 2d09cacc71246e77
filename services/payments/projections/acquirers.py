"""Acquirers: loaded, folded with `domain.acquirers.evolve`, written back whole."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.events.acquirers import EVENTS
from services.payments import tables
from services.payments.acquirer_rows import acquirer_row, load_acquirers
from services.payments.domain.acquirers import Acquirer, evolve

_OURS = frozenset(EVENTS)


async def acquirers(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _OURS]
    if not events:
        return
    found: dict[str, Acquirer] = await load_acquirers(conn, {r.envelope.key for r in events})
    for one in events:
        found[one.envelope.key] = evolve(found.get(one.envelope.key), one.event)
    await rows.upsert(conn, tables.acquirers, [acquirer_row(acquirer) for acquirer in found.values()])
