"""The two ends of a call to the provider: it is claimed, durably, before it is made, and settled after it.

The number of a call is its fencing token: claiming takes the next number, and only the holder of the latest one may
free the message again. A sender that slept through its lease can still record what it learnt; it can no longer undo
what another one did.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.batches import Rerun
from chassis.outcomes import Done
from chassis.privacy.vault import Vault
from chassis.transaction import Tx, UseCase
from contracts.values import NotificationId
from services.notifications import queries
from services.notifications.commands.record import record
from services.notifications.domain.hours import is_quiet_at
from services.notifications.domain.notices import TIMED
from services.notifications.domain.sending import Again, Answer, Attempt, Policy, decide_after_call
from services.notifications.queries import ToSend

_TAKE = sa.text(
    "INSERT INTO attempts (notification_id, calls, open, doubtful, free_at)"
    " SELECT id, call, true, doubtful, :free_at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:calls AS int[]), CAST(:doubtful AS boolean[])) AS taken(id, call, doubtful)"
    " ORDER BY id ON CONFLICT (notification_id) DO UPDATE SET calls = excluded.calls, open = true,"
    " doubtful = excluded.doubtful, free_at = excluded.free_at WHERE attempts.calls = excluded.calls - 1"
)
_SETTLE = sa.text(
    "UPDATE attempts SET open = false, doubtful = settled.doubtful, free_at = settled.free_at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:calls AS int[]), CAST(:doubtful AS boolean[]),"
    " CAST(:free_at AS timestamptz[])) AS settled(id, call, doubtful, free_at)"
    " WHERE notification_id = settled.id AND calls = settled.call"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """Take up to `most` messages that may be sent now; nobody else takes them for `lease` of wall time."""

    most: int
    lease: timedelta


@dataclass(frozen=True, slots=True)
class Settle:
    """What came of one claimed call."""

    notification_id: NotificationId
    attempt: Attempt
    answer: Answer


def claim(vault: Vault) -> UseCase[Claim, list[ToSend]]:
    """Answers what was taken, oldest first; the attempts are durable before the answer. One claim per batch."""

    async def claim(tx: Tx, items: Sequence[Claim], /) -> list[list[ToSend]]:
        (wanted,) = items
        resting = TIMED if is_quiet_at(tx.now) else frozenset[str]()
        taken = await queries.to_send(tx.conn, vault, wall=tx.wall, resting=resting, most=wanted.most)
        if taken:
            tx.defer(lambda conn: _take(conn, taken, tx.wall + wanted.lease))
        return [taken]

    return claim


async def _take(conn: AsyncConnection, taken: Sequence[ToSend], until: datetime) -> None:
    arrays = {
        "ids": [one.message.notification_id for one in taken],
        "calls": [one.attempt.number for one in taken],
        "doubtful": [one.attempt.doubtful for one in taken],
    }
    result = await conn.execute(_TAKE, {**arrays, "free_at": until})
    if result.rowcount != len(taken):
        raise Rerun  # another sender took one of them meanwhile


def settle(policy: Policy) -> UseCase[Settle, Done]:
    """Records what the answers mean; a message without an ending is free for another call after its pause."""

    async def settle(tx: Tx, items: Sequence[Settle], /) -> list[Done]:
        keys = {item.notification_id for item in items}
        await tx.heads("notifications", keys)
        messages = await queries.notifications_of(tx.conn, keys)
        settled: list[_Settled] = []
        for item in items:
            message = messages[item.notification_id]
            verdict = decide_after_call(message, item.attempt, item.answer, policy, jitter=random.random())
            if isinstance(verdict, Again):
                settled.append(_Settled(item, verdict.doubtful, tx.wall + verdict.pause))
                continue
            if verdict is not None:
                messages[item.notification_id] = record(tx, message, verdict)
            settled.append(_Settled(item, item.attempt.doubtful, tx.wall))
        tx.defer(lambda conn: _free(conn, settled))
        return [Done() for _ in items]

    return settle


@dataclass(frozen=True, slots=True)
class _Settled:
    item: Settle
    doubtful: bool
    free_at: datetime


async def _free(conn: AsyncConnection, settled: Sequence[_Settled]) -> None:
    in_order = sorted(settled, key=lambda one: one.item.notification_id)
    arrays = {
        "ids": [one.item.notification_id for one in in_order],
        "calls": [one.item.attempt.number for one in in_order],
        "doubtful": [one.doubtful for one in in_order],
        "free_at": [one.free_at for one in in_order],
    }
    await conn.execute(_SETTLE, arrays)
