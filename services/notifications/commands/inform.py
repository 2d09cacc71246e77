"""Noting recipients and queueing messages: one message per cause, recipient and channel, however often the cause
arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from chassis.outcomes import Done, NotYet
from chassis.privacy.forgetting import Forgetting
from chassis.privacy.vault import Vault
from chassis.transaction import Meta, Scope, Tx, UseCase
from contracts.events.participants import ParticipantRegistered
from contracts.values import NotificationId, ParticipantId
from services.notifications import queries
from services.notifications.domain import notification as messages
from services.notifications.domain import recipient as people
from services.notifications.domain.notices import RULES, Notice
from services.notifications.domain.notification import Notification
from services.notifications.domain.recipient import Recipient


@dataclass(frozen=True, slots=True)
class AddRecipient:
    """Note a registered participant, in the scope of the registration."""

    registered: ParticipantRegistered
    meta: Meta
    scope: Scope


@dataclass(frozen=True, slots=True)
class ForgetRecipient:
    """The person was erased: what we could tell them by goes."""

    participant_id: ParticipantId
    meta: Meta


@dataclass(frozen=True, slots=True)
class Tell:
    """Queue one notice; `cause` is the id of the event it tells about."""

    notice: Notice
    cause: UUID
    meta: Meta

    @property
    def notification_id(self) -> NotificationId:
        return messages.notification_id_of(self.cause, self.notice.participant_id, self.notice.channel)


Outcome = Done | NotYet
_Recipients = dict[ParticipantId, Recipient]
_Notifications = dict[NotificationId, Notification]


def inform(vault: Vault, forget: Forgetting) -> UseCase[AddRecipient | ForgetRecipient | Tell, Outcome]:
    """Answers NotYet("recipient") for a notice to somebody whose registration has not arrived."""

    async def inform(tx: Tx, items: Sequence[AddRecipient | ForgetRecipient | Tell], /) -> list[Outcome]:
        gone = {item.participant_id for item in items if isinstance(item, ForgetRecipient)}
        added = {item.registered.participant_id for item in items if isinstance(item, AddRecipient)} | gone
        told = {item.notification_id: item.notice.participant_id for item in items if isinstance(item, Tell)}
        await tx.heads("recipients", added)
        await tx.heads("notifications", told)
        recipients = await queries.recipients_of(tx.conn, vault, added | {*told.values()})
        notifications = await queries.notifications_of(tx.conn, told)
        forget(tx, gone)
        return [_informed(tx, item, recipients, notifications) for item in items]

    return inform


def _informed(
    tx: Tx, item: AddRecipient | ForgetRecipient | Tell, recipients: _Recipients, notifications: _Notifications
) -> Outcome:
    match item:
        case AddRecipient():
            return _add(tx, item, recipients)
        case ForgetRecipient():
            return _forget(tx, item, recipients)
        case Tell():
            return _tell(tx, item, recipients, notifications)


def _add(tx: Tx, item: AddRecipient, recipients: _Recipients) -> Outcome:
    key = item.registered.participant_id
    event = people.decide_added(recipients.get(key), item.registered)
    if event is not None:
        recorded = tx.record(event, key=key, meta=item.meta, scope=item.scope, rules=RULES)
        recipients[key] = people.evolve(recipients.get(key), recorded.envelope, event)
    return Done()


def _forget(tx: Tx, item: ForgetRecipient, recipients: _Recipients) -> Outcome:
    key = item.participant_id
    known = recipients.get(key)
    event = people.decide_forgotten(known, key)
    if known is not None and event is not None:
        scope = Scope(known.branch_id, known.wadah_id, known.agent_id)
        recorded = tx.record(event, key=key, meta=item.meta, scope=scope, rules=RULES)
        recipients[key] = people.evolve(known, recorded.envelope, event)
    return Done()


def _tell(tx: Tx, item: Tell, recipients: _Recipients, notifications: _Notifications) -> Outcome:
    recipient = recipients.get(item.notice.participant_id)
    if recipient is None:
        return NotYet("recipient")
    key = item.notification_id
    event = messages.decide_queued(notifications.get(key), recipient, item.notice, item.cause)
    if event is not None:
        scope = Scope(recipient.branch_id, recipient.wadah_id, recipient.agent_id)
        recorded = tx.record(event, key=key, meta=item.meta, scope=scope, rules=RULES)
        notifications[key] = messages.evolve(None, recorded.envelope, event)
    return Done()
