"""Recording what became of a message: in its own scope, caused by its own queueing, part of what it was part of."""

from __future__ import annotations

from chassis.transaction import Meta, Scope, Tx
from services.notifications.domain.notices import RULES
from services.notifications.domain.notification import Notification, NotificationEvent, evolve

ACTOR = "notifications"


def record(tx: Tx, message: Notification, event: NotificationEvent) -> Notification:
    """Records the event; gives the message after it."""
    recorded = tx.record(
        event,
        key=message.notification_id,
        meta=Meta(ACTOR, message.correlation_id, causation_id=message.queued_by, traceparent=message.traceparent),
        scope=Scope(message.branch_id, message.wadah_id, message.agent_id),
        rules=RULES,
    )
    return evolve(message, recorded.envelope, event)
