"""Topic `notifications`: who is told what, and what became of it. No personal data but the sealed contact."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from contracts.event import Event
from contracts.sealed import Personal, Sealed
from contracts.values import (
    Code,
    ContributionCode,
    Count,
    Instant,
    Language,
    NotificationId,
    ParticipantId,
    Phone,
    ShortText,
)


class Channel(StrEnum):
    SMS = "SMS"
    WHATSAPP = "WHATSAPP"
    EMAIL = "EMAIL"


class Contact(Personal):
    name: ShortText
    phone: Phone
    email: ShortText | None


class RecipientAdded(Event, stream="recipients"):
    """notifications noted a registered participant."""

    participant_id: ParticipantId
    contribution_code: ContributionCode
    language: Language
    contact: Sealed[Contact]


class NotificationQueued(Event, stream="notifications"):
    """One message per (cause, recipient, channel). `values` fill the template and hold no personal data. Not sent
    after `not_after`."""

    notification_id: NotificationId
    participant_id: ParticipantId
    cause: UUID
    channel: Channel
    template: Code
    template_version: Count
    language: Language
    values: dict[str, str]
    not_after: Instant


class NotificationSent(Event, stream="notifications"):
    """The provider accepted the message."""

    notification_id: NotificationId
    participant_id: ParticipantId
    provider_message_id: ShortText
    attempts: Count


class NotificationDelivered(Event, stream="notifications"):
    notification_id: NotificationId
    participant_id: ParticipantId
    delivered_at: Instant


class NotificationFailed(Event, stream="notifications"):
    """Not sent, or not delivered: refused by the provider, undeliverable, or past its `not_after` (reason
    `too_late`)."""

    notification_id: NotificationId
    participant_id: ParticipantId
    reason: Code
    attempts: Count


class NotificationUnknown(Event, stream="notifications"):
    """Whether the provider took it is not known, and it does not recognise repeats: shown as unknown, never sent
    again blindly."""

    notification_id: NotificationId
    participant_id: ParticipantId
    attempts: Count


EVENTS: tuple[type[Event], ...] = (
    RecipientAdded,
    NotificationQueued,
    NotificationSent,
    NotificationDelivered,
    NotificationFailed,
    NotificationUnknown,
)
