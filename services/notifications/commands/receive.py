"""Delivery receipts: applied in any order and any number; a receipt for a message we do not know is refused."""

from __future__ import annotations

from collections.abc import Sequence

from chassis.outcomes import Accepted
from chassis.problems import Rejected
from chassis.transaction import Tx
from services.notifications import queries
from services.notifications.commands.record import record
from services.notifications.domain.receipts import Receipt, belongs, decide_receipt
from services.notifications.problems import MESSAGE_UNKNOWN


async def receive(tx: Tx, items: Sequence[Receipt], /) -> list[Accepted | Rejected]:
    """The use case. Accepted also when the receipt changed nothing."""
    keys = {item.notification_id for item in items}
    await tx.heads("notifications", keys)
    messages = await queries.notifications_of(tx.conn, keys)
    calls = await queries.calls_made(tx.conn, keys)
    outcomes: list[Accepted | Rejected] = []
    for item in items:
        message = messages.get(item.notification_id)
        if message is None or not belongs(message, item):
            outcomes.append(Rejected(MESSAGE_UNKNOWN))
            continue
        for event in decide_receipt(message, item, calls.get(item.notification_id, 0)):
            message = record(tx, message, event)
        messages[item.notification_id] = message
        outcomes.append(Accepted({"notification_id": str(item.notification_id)}, 200))
    return outcomes
