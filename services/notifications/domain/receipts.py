"""What a delivery receipt means. A receipt proves that the provider accepted the message, so one that overtakes our own
record makes it SENT first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from contracts.events.notifications import NotificationDelivered, NotificationFailed, NotificationSent
from contracts.values import NotificationId
from services.notifications.domain.notification import Notification, State
from services.notifications.domain.sending import failed

ReceiptEvent = NotificationSent | NotificationDelivered | NotificationFailed
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Status(StrEnum):
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The provider's word on one message; `at` is the provider's clock."""

    notification_id: NotificationId
    message_id: str
    status: Status
    reason: str | None
    at: datetime


def belongs(message: Notification, receipt: Receipt) -> bool:
    """Whether the receipt speaks of this message: the provider's own id, where we know it, must be the same."""
    return message.provider_message_id in (None, receipt.message_id)


def decide_receipt(message: Notification, receipt: Receipt, calls: int) -> list[ReceiptEvent]:
    """The events the receipt calls for, in order; none for a repeat or for a failure reported after the arrival.

    `calls` is how often the provider was called about the message as far as we know: at least once, the receipt says.
    """
    calls = max(calls, message.attempts, 1)
    events: list[ReceiptEvent] = []
    if message.state in (State.QUEUED, State.UNKNOWN):
        events.append(_accepted(message, receipt, calls))
    if receipt.status is Status.DELIVERED and message.state is not State.DELIVERED:
        events.append(_delivered(message, receipt))
    if receipt.status is Status.FAILED and message.state not in (State.FAILED, State.DELIVERED):
        events.append(failed(message, _reason(receipt.reason), calls))
    return events


def _accepted(message: Notification, receipt: Receipt, calls: int) -> NotificationSent:
    return NotificationSent(
        notification_id=message.notification_id,
        participant_id=message.participant_id,
        provider_message_id=receipt.message_id,
        attempts=calls,
    )


def _delivered(message: Notification, receipt: Receipt) -> NotificationDelivered:
    return NotificationDelivered(
        notification_id=message.notification_id, participant_id=message.participant_id, delivered_at=receipt.at
    )


def _reason(given: str | None) -> str:
    """The provider's reason when it is a code; free text could carry a phone number and is not kept."""
    return given if given is not None and _CODE.fullmatch(given) else "undeliverable"
