"""A poll in lanes that share no key: each is a transaction, and works while the other waits for the database."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from chassis.records import Record

T = TypeVar("T")

BATCH = 500
"""Records per transaction."""
MAX_RECORDS = 2 * BATCH
"""Per poll: enough for two transactions, each of which works while the other waits for the database."""


def divided(found: Sequence[Record]) -> list[list[Record]]:
    """Up to BATCH records are one lane; more are two of about one size that share no key, so the order of a key holds."""
    if len(found) <= BATCH:
        return [list(found)]
    left: list[Record] = []
    right: list[Record] = []
    lane_of: dict[bytes | None, list[Record]] = {}
    for record in found:
        lane = lane_of.get(record.key)
        if lane is None:
            lane = lane_of[record.key] = left if len(left) <= len(right) else right
        lane.append(record)
    return [left, right] if right else [left]


async def all_of(lanes: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Side by side. Raises the first error, but only when every lane has ended: no transaction outlives the batch it belongs to."""
    ended = await asyncio.gather(*lanes, return_exceptions=True)
    done = [one for one in ended if not isinstance(one, BaseException)]
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return done
