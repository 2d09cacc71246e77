"""Reads of notifications, set-based. What a person may see is decided by the scope that the caller hands in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.vault import Vault
from chassis.rows import matching
from contracts.events.notifications import Channel, Contact
from contracts.values import Language, NotificationId, ParticipantId
from services.notifications.domain.notification import Notification, State
from services.notifications.domain.recipient import Recipient
from services.notifications.domain.sending import Attempt
from services.notifications.tables import attempts, notifications, recipients


@dataclass(frozen=True, slots=True)
class ToSend:
    """A message that may be sent, to whom, and which call of the provider it will be."""

    message: Notification
    recipient: Recipient
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages ever queued, and how many of them were ever accepted by the provider (`sent`), arrived, failed, or may
    or may not have been sent. `waiting` are still to be sent. queued = waiting + unknown + failed before sending +
    sent.
    """

    queued: int
    waiting: int
    sent: int
    delivered: int
    failed: int
    unknown: int


async def to_send(
    conn: AsyncConnection, vault: Vault, *, wall: datetime, resting: Collection[str], most: int
) -> list[ToSend]:
    """Up to `most` queued messages nobody holds at this wall time, oldest first, but for those of resting templates.

    A call that was never answered for makes the next one doubtful.
    """
    query = (
        sa.select(notifications, attempts.c.calls, attempts.c.open, attempts.c.doubtful)
        .outerjoin(attempts, attempts.c.notification_id == notifications.c.notification_id)
        .where(
            notifications.c.state == sa.literal_column("'QUEUED'"),  # as in the partial index
            sa.or_(attempts.c.free_at.is_(None), attempts.c.free_at <= wall),
            sa.not_(matching(notifications.c.template, resting)),
        )
        .order_by(notifications.c.notification_id)
        .limit(most)
    )
    found = (await conn.execute(query)).mappings().all()
    people = await recipients_of(conn, vault, {row["participant_id"] for row in found})
    return [
        ToSend(
            notification_from(row),
            people[row["participant_id"]],
            Attempt((row["calls"] or 0) + 1, doubtful=bool(row["open"] or row["doubtful"])),
        )
        for row in found
    ]


async def listed(
    conn: AsyncConnection,
    scope: sa.ColumnElement[bool],
    *,
    participant_id: UUID | None,
    state: State | None,
    before: UUID | None,
    most: int,
) -> list[Notification]:
    """Messages within the scope, newest first, from before the given one on."""
    query = sa.select(notifications).where(scope).order_by(notifications.c.notification_id.desc()).limit(most)
    if participant_id is not None:
        query = query.where(notifications.c.participant_id == participant_id)
    if state is not None:
        query = query.where(notifications.c.state == state)
    if before is not None:
        query = query.where(notifications.c.notification_id < before)
    return [notification_from(row) for row in (await conn.execute(query)).mappings()]


async def counts(
    conn: AsyncConnection, scope: sa.ColumnElement[bool], participants: Collection[UUID] | None = None
) -> Counts:
    """The messages within the scope, of these participants alone where given."""
    state, count = notifications.c.state, sa.func.count()
    query = sa.select(
        count.label("queued"),
        count.filter(state == State.QUEUED).label("waiting"),
        count.filter(notifications.c.sent_at.is_not(None)).label("sent"),
        count.filter(state == State.DELIVERED).label("delivered"),
        count.filter(state == State.FAILED).label("failed"),
        count.filter(state == State.UNKNOWN).label("unknown"),
    ).where(scope)
    if participants is not None:
        query = query.where(matching(notifications.c.participant_id, participants))
    return Counts(**(await conn.execute(query)).mappings().one())


async def recipients_of(
    conn: AsyncConnection, vault: Vault, keys: Collection[ParticipantId]
) -> dict[ParticipantId, Recipient]:
    """The known ones of these participants. No statement for no keys."""
    if not keys:
        return {}
    found = await conn.execute(sa.select(recipients).where(matching(recipients.c.participant_id, keys)))
    return {row["participant_id"]: recipient_from(row, vault) for row in found.mappings()}


async def notifications_of(
    conn: AsyncConnection, keys: Collection[NotificationId]
) -> dict[NotificationId, Notification]:
    """The known ones of these messages. No statement for no keys."""
    if not keys:
        return {}
    found = await conn.execute(sa.select(notifications).where(matching(notifications.c.notification_id, keys)))
    return {row["notification_id"]: notification_from(row) for row in found.mappings()}


async def calls_made(conn: AsyncConnection, keys: Collection[NotificationId]) -> dict[NotificationId, int]:
    """How often the provider was called about each of these messages; absent: never."""
    query = sa.select(attempts.c.notification_id, attempts.c.calls).where(matching(attempts.c.notification_id, keys))
    return {row.notification_id: row.calls for row in await conn.execute(query)}


def recipient_from(row: sa.RowMapping, vault: Vault) -> Recipient:
    """A row of `recipients`, decrypted."""
    subject = row["participant_id"]

    def cell(column: str) -> str | None:
        return vault.open("recipients", column, subject, row[column], of=subject)

    name, phone = cell("name"), cell("phone")
    return Recipient(
        participant_id=subject,
        contribution_code=row["contribution_code"],
        language=Language(row["language"]),
        contact=None if name is None or phone is None else Contact(name=name, phone=phone, email=cell("email")),
        branch_id=row["branch_id"],
        wadah_id=row["wadah_id"],
        agent_id=row["agent_id"],
    )


def notification_from(row: sa.RowMapping) -> Notification:
    """A row that holds at least the columns of `notifications`."""
    plain = {column.name: row[column.name] for column in notifications.columns}
    plain |= {
        "channel": Channel(row["channel"]),
        "language": Language(row["language"]),
        "state": State(row["state"]),
    }
    return Notification(**plain)
