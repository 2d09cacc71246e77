"""Who looks after a participant from which contribution month on, as registration says it: reactivations and alih binaan.

A first spell needs no note: whoever registered the participant manages until something else is said.
"""

from __future__ import annotations

from collections.abc import Iterable

from chassis.records import Received
from chassis.transaction import Tx
from contracts.event import Event
from contracts.events.incentives import ManagerChanged
from contracts.events.participants import ParticipantReassigned, ProtectionStarted
from services.payments.domain.incentives.workers import NOTING

STREAM = "managements"


async def load_managements(tx: Tx, items: Iterable[Received]) -> None:
    """Heads of those whose manager changes; no statement where nobody's does."""
    changed = {event.participant_id for item in items if (event := manager_changed(item.event)) is not None}
    if changed:
        await tx.heads(STREAM, changed)


def note_manager(tx: Tx, item: Received) -> None:
    """Writes down what the event says of the manager, if anything."""
    event = manager_changed(item.event)
    if event is not None:
        tx.record(event, key=event.participant_id, meta=item.meta, scope=item.scope, rules=NOTING)


def manager_changed(event: Event) -> ManagerChanged | None:
    """A reactivation names its manager for the new spell; a decision holds from the first contribution month after it."""
    match event:
        case ProtectionStarted(spell=spell) if spell > 1:
            first = min(event.months)
            return ManagerChanged(participant_id=event.participant_id, from_month=first, agent_id=event.agent)
        case ParticipantReassigned():
            return ManagerChanged(
                participant_id=event.participant_id, from_month=event.from_month, agent_id=event.agent
            )
    return None
