"""A poll in two lanes that share no key: each is transactions one after another, and works while the other waits for the database."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from chassis.records import Record

T = TypeVar("T")

BATCH = 500
"""Records per transaction."""
MAX_RECORDS = 4 * BATCH
"""Per poll: two transactions in each lane, so that the common end, where a lane waits alone, comes once in four."""


def divided(found: Sequence[Record]) -> list[deque[list[Record]]]:
    """Up to BATCH records are one lane; more are two of about one size that share no key, so the order of a key holds.

    A lane is its records in parts of at most BATCH.
    """
    if len(found) <= BATCH:
        return [_parts(found)]
    left: list[Record] = []
    right: list[Record] = []
    lane_of: dict[bytes | None, list[Record]] = {}
    for record in found:
        lane = lane_of.get(record.key)
        if lane is None:
            lane = lane_of[record.key] = left if len(left) <= len(right) else right
        lane.append(record)
    return [_parts(lane) for lane in (left, right) if lane]


def _parts(lane: Sequence[Record]) -> deque[list[Record]]:
    return deque([*lane[start : start + BATCH]] for start in range(0, len(lane), BATCH))


async def all_of(lanes: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Side by side. Raises the first error, but only when every lane has ended: no transaction outlives the batch it belongs to."""
    ended = await asyncio.gather(*lanes, return_exceptions=True)
    done = [one for one in ended if not isinstance(one, BaseException)]
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return done
