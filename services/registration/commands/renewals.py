"""An agreement that ends soon and that none follows is told of, once."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from chassis.outcomes import Done
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Scope, Tx
from contracts.values import WadahId
from services.registration.commands.agency import rules_of
from services.registration.domain.calendar import wib_date
from services.registration.domain.wadah import tell_renewal
from services.registration.queries import deciding


async def tell_renewals(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """A key is a Wadah. One that was renewed or ended meanwhile is passed over: its stream arbitrates."""
    await tx.heads("wadah", (item.key for item in items))
    known = await deciding.wadah_by_id(tx.conn, (WadahId(UUID(item.key)) for item in items))
    today, rules = wib_date(tx.now), rules_of(tx)
    for item in items:
        state = known[WadahId(UUID(item.key))]
        if told := tell_renewal(state, today, rules):
            scope = Scope(state.branch_id, state.wadah_id)
            tx.record(told, key=state.wadah_id, meta=item.meta, scope=scope, rules=rules.version)
    return [Done() for _ in items]
