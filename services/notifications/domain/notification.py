"""One message to one person: its identity, its state, and which event may follow which.

QUEUED → SENT, UNKNOWN, FAILED · UNKNOWN → SENT · SENT → DELIVERED, FAILED · FAILED → DELIVERED (the provider's latest
word is that it arrived). DELIVERED is final. Only what the provider accepted is SENT, so "never sent" and "sent, not
recorded" are never one state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from contracts.envelope import Envelope
from contracts.events.notifications import (
    Channel,
    NotificationDelivered,
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationUnknown,
)
from contracts.values import Language, NotificationId, ParticipantId
from services.notifications.domain.notices import Notice
from services.notifications.domain.recipient import Recipient

NotificationEvent = (
    NotificationQueued | NotificationSent | NotificationDelivered | NotificationFailed | NotificationUnknown
)


class State(StrEnum):
    QUEUED = "QUEUED"
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


FOLLOWS: Mapping[State | None, frozenset[State]] = {
    None: frozenset({State.QUEUED}),
    State.QUEUED: frozenset({State.SENT, State.UNKNOWN, State.FAILED}),
    State.UNKNOWN: frozenset({State.SENT}),
    State.SENT: frozenset({State.DELIVERED, State.FAILED}),
    State.FAILED: frozenset({State.DELIVERED}),
    State.DELIVERED: frozenset(),
}


class ImpossibleTransition(ValueError):
    """An event that may not follow; a mistake of a decider, never of a caller."""


@dataclass(frozen=True, slots=True)
class Notification:
    """`queued_by` is the id of its first event: whatever happens to the message is caused by it. `reason` explains
    FAILED.
    """

    notification_id: NotificationId
    participant_id: ParticipantId
    branch_id: UUID | None
    wadah_id: UUID | None
    agent_id: UUID | None
    correlation_id: UUID
    traceparent: str | None
    queued_by: UUID
    cause: UUID
    channel: Channel
    template: str
    template_version: int
    language: Language
    values: Mapping[str, str]
    not_after: datetime
    state: State
    attempts: int
    provider_message_id: str | None
    reason: str | None
    queued_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    changed_at: datetime


def notification_id_of(cause: UUID, participant_id: ParticipantId, channel: Channel) -> NotificationId:
    """The id of the one message about this event to this person through this channel.

    A UUIDv7 with the time of the cause (itself a UUIDv7); the rest is drawn from what the message is about. So the
    event log's own key keeps a notice single, and a database restored from an older backup comes to the same id, which
    the provider recognises.
    """
    digest = hashlib.sha256(f"{cause}/{participant_id}/{channel}".encode()).digest()
    number = int.from_bytes(cause.bytes[:6] + digest[:10])
    number = number & ~(0xF << 76) | 0x7 << 76  # version 7
    number = number & ~(0x3 << 62) | 0x2 << 62  # RFC 9562 variant
    return NotificationId(UUID(int=number))


def decide_queued(
    known: Notification | None, recipient: Recipient, notice: Notice, cause: UUID
) -> NotificationQueued | None:
    """The message to send; None when it is already there, in whatever state."""
    if known is not None:
        return None
    return NotificationQueued(
        notification_id=notification_id_of(cause, recipient.participant_id, notice.channel),
        participant_id=recipient.participant_id,
        cause=cause,
        channel=notice.channel,
        template=notice.template,
        template_version=notice.version,
        language=recipient.language,
        values={"contribution_code": recipient.contribution_code, **notice.values},
        not_after=notice.not_after,
    )


def evolve(state: Notification | None, envelope: Envelope, event: NotificationEvent) -> Notification:
    """The message after one of its own events. Raises ImpossibleTransition."""
    if isinstance(event, NotificationQueued):
        _assert_follows(state, State.QUEUED)
        return _queued(envelope, event)
    if state is None:
        raise ImpossibleTransition(f"{event.type} before NotificationQueued")
    match event:
        case NotificationSent():
            after = replace(
                state,
                state=State.SENT,
                attempts=event.attempts,
                provider_message_id=event.provider_message_id,
                sent_at=envelope.occurred_at,
            )
        case NotificationDelivered():
            after = replace(
                state,
                state=State.DELIVERED,
                sent_at=state.sent_at or envelope.occurred_at,  # what arrived was sent, whatever we knew of it
                delivered_at=event.delivered_at,
                reason=None,
            )
        case NotificationFailed():
            after = replace(state, state=State.FAILED, attempts=event.attempts, reason=event.reason)
        case NotificationUnknown():
            after = replace(state, state=State.UNKNOWN, attempts=event.attempts)
        case _ as never:
            assert_never(never)
    _assert_follows(state, after.state)
    return replace(after, changed_at=envelope.occurred_at)


def _queued(envelope: Envelope, event: NotificationQueued) -> Notification:
    return Notification(
        notification_id=event.notification_id,
        participant_id=event.participant_id,
        branch_id=envelope.branch_id,
        wadah_id=envelope.wadah_id,
        agent_id=envelope.agent_id,
        correlation_id=envelope.correlation_id,
        traceparent=envelope.traceparent,
        queued_by=envelope.event_id,
        cause=event.cause,
        channel=event.channel,
        template=event.template,
        template_version=event.template_version,
        language=event.language,
        values=event.values,
        not_after=event.not_after,
        state=State.QUEUED,
        attempts=0,
        provider_message_id=None,
        reason=None,
        queued_at=envelope.occurred_at,
        sent_at=None,
        delivered_at=None,
        changed_at=envelope.occurred_at,
    )


def _assert_follows(state: Notification | None, after: State) -> None:
    before = None if state is None else state.state
    if after not in FOLLOWS[before]:
        raise ImpossibleTransition(f"a notification that is {before or 'not queued'} cannot become {after}")
