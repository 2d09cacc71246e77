"""Other services' events, as commands: payments move protection, receipts of messages show whether a person can be
reached, answers clear the way of an erasure or bar it.
"""

from __future__ import annotations

from collections.abc import Sequence

from chassis.consumer import Subscription
from chassis.records import Outcome, Received
from chassis.transaction import Tx
from contracts.event import Event
from contracts.events.contributions import ContributionPaid, ContributionReversed
from contracts.events.erasure import ErasureChecked
from contracts.events.notifications import NotificationDelivered, NotificationFailed
from services.registration.commands.protection import ApplyingEvents, Happened

CONTRIBUTIONS: frozenset[type[Event]] = frozenset({ContributionPaid, ContributionReversed, ErasureChecked})
NOTIFICATIONS: frozenset[type[Event]] = frozenset({NotificationFailed, NotificationDelivered})


def subscriptions(applying: ApplyingEvents) -> list[Subscription]:
    """Both topics end in the same use case."""

    async def on_events(tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        return [*await applying(tx, [_happened(item) for item in items])]

    return [
        Subscription("contributions", on_events, CONTRIBUTIONS),
        Subscription("notifications", on_events, NOTIFICATIONS),
    ]


def _happened(item: Received) -> Happened:
    match item.event:
        case (
            ContributionPaid()
            | ContributionReversed()
            | NotificationFailed()
            | NotificationDelivered()
            | ErasureChecked()
        ) as event:
            return Happened(event, item.meta)
        case other:
            raise TypeError(f"{type(other).__name__} is not subscribed to")
