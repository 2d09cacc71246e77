"""The only writer of the state tables: own events in, rows out. `evolve` is the fold, so state is the same live and in
replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.privacy.vault import Vault
from chassis.transaction import Projection, Recorded
from contracts.events.erasure import RecipientForgotten
from contracts.events.notifications import (
    NotificationDelivered,
    NotificationFailed,
    NotificationQueued,
    NotificationSent,
    NotificationUnknown,
    RecipientAdded,
)
from contracts.values import NotificationId, ParticipantId
from services.notifications import queries
from services.notifications.domain import notification as messages
from services.notifications.domain import recipient as people
from services.notifications.domain.notification import Notification
from services.notifications.domain.recipient import Recipient
from services.notifications.tables import PERSONAL, notifications, recipients

_OF_NOTIFICATION = frozenset(
    {NotificationQueued, NotificationSent, NotificationDelivered, NotificationFailed, NotificationUnknown}
)


def projection(vault: Vault) -> Projection:
    """The fold of streams `recipients` and `notifications`."""

    async def project(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
        told = [r for r in recorded if type(r.event) in _OF_NOTIFICATION]
        await rows.insert(conn, recipients, [_recipient_row(vault, one) for one in _recipients(recorded)])
        await _forget(conn, [r.event.participant_id for r in recorded if isinstance(r.event, RecipientForgotten)])
        added = {r.event.notification_id for r in told if isinstance(r.event, NotificationQueued)}
        found = await _notifications(conn, told)
        await rows.insert(conn, notifications, [_notification_row(n) for n in found if n.notification_id in added])
        await rows.upsert(conn, notifications, [_notification_row(n) for n in found if n.notification_id not in added])

    return project


async def _forget(conn: AsyncConnection, gone: Sequence[ParticipantId]) -> None:
    """Name and addresses go, the row stays: messages are told of by its number. No statement for nobody."""
    if gone:
        blank = dict.fromkeys(PERSONAL, sa.null())
        await conn.execute(
            sa.update(recipients).where(rows.matching(recipients.c.participant_id, gone)).values(**blank)
        )


def _recipients(recorded: Sequence[Recorded]) -> list[Recipient]:
    return [people.evolve(None, r.envelope, r.event) for r in recorded if isinstance(r.event, RecipientAdded)]


async def _notifications(conn: AsyncConnection, recorded: Sequence[Recorded]) -> list[Notification]:
    states: dict[NotificationId, Notification] = await _before(conn, recorded)
    for one in recorded:
        match one.event:
            case (
                NotificationQueued()
                | NotificationSent()
                | NotificationDelivered()
                | NotificationFailed()
                | NotificationUnknown() as event
            ):
                key = event.notification_id
                states[key] = messages.evolve(states.get(key), one.envelope, event)
    return list(states.values())


async def _before(conn: AsyncConnection, recorded: Sequence[Recorded]) -> dict[NotificationId, Notification]:
    """The rows that the events change; those queued in this batch have none."""
    known: set[NotificationId] = set()
    fresh: set[NotificationId] = set()
    for one in recorded:
        match one.event:
            case NotificationQueued(notification_id=key):
                fresh.add(key)
            case (
                NotificationSent(notification_id=key)
                | NotificationDelivered(notification_id=key)
                | NotificationFailed(notification_id=key)
                | NotificationUnknown(notification_id=key)
            ):
                known.add(key)
    return await queries.notifications_of(conn, known - fresh)


def _recipient_row(vault: Vault, one: Recipient) -> dict[str, Any]:
    contact = {} if one.contact is None else dict(one.contact)
    row = str(one.participant_id)
    sealed = {name: vault.seal("recipients", name, row, contact.get(name)) for name in PERSONAL}
    return {
        "participant_id": one.participant_id,
        "contribution_code": one.contribution_code,
        "language": one.language.value,
        **sealed,
        "branch_id": one.branch_id,
        "wadah_id": one.wadah_id,
        "agent_id": one.agent_id,
    }


def _notification_row(one: Notification) -> dict[str, Any]:
    return {column.name: getattr(one, column.name) for column in notifications.columns}
