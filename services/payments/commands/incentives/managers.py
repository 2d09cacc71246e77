"""Who looks after a participant from which contribution month on, as registration says it: reactivations and alih binaan.

A first spell needs no note: whoever registered the participant manages until something else is said.
"""

from __future__ import annotations

from collections.abc import Iterable

from chassis.records import Received
from chassis.transaction import Tx
from contracts.events.incentives import ManagerChanged
from contracts.events.participants import ParticipantReassigned, ProtectionStarted
from contracts.values import WadahId
from services.payments.domain.incentives.workers import NOTING

STREAM = "managements"


async def load_managements(tx: Tx, items: Iterable[Received]) -> None:
    """Heads of those whose manager changes; no statement where nobody's does."""
    changed = {event.participant_id for item in items if (event := manager_changed(item)) is not None}
    if changed:
        await tx.heads(STREAM, changed)


def note_manager(tx: Tx, item: Received) -> None:
    """Writes down what the event says of the manager, if anything."""
    event = manager_changed(item)
    if event is not None:
        tx.record(event, key=event.participant_id, meta=item.meta, scope=item.scope, rules=NOTING)


def manager_changed(item: Received) -> ManagerChanged | None:
    """A reactivation names its manager for the new spell; a decision holds from the first contribution month after it."""
    event = item.event
    match event:
        case ProtectionStarted(spell=spell) if spell > 1:
            wadah = None if event.agent is None else item.scope.wadah_id
            return ManagerChanged(
                participant_id=event.participant_id,
                from_month=min(event.months),
                agent_id=event.agent,
                wadah_id=None if wadah is None else WadahId(wadah),
            )
        case ParticipantReassigned():
            return ManagerChanged(
                participant_id=event.participant_id,
                from_month=event.from_month,
                agent_id=event.agent,
                wadah_id=event.wadah,
            )
    return None
