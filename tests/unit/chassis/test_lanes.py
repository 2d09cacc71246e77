"""A poll is cut into lanes that share no key, and no lane is left alone."""

from __future__ import annotations

import asyncio
import random
from collections import deque

import pytest

from chassis.lanes import BATCH, MAX_RECORDS, all_of, divided
from chassis.records import Coordinates, Record


def records(keys: list[bytes | None]) -> list[Record]:
    return [Record(Coordinates("t", 0, offset), key, b"{}", ()) for offset, key in enumerate(keys)]


def some_keys(count: int, distinct: int) -> list[bytes | None]:
    draw = random.Random(7)
    return [f"key-{draw.randrange(distinct)}".encode() for _ in range(count)]


def whole(lane: deque[list[Record]]) -> list[Record]:
    return [record for part in lane for record in part]


def test_what_fits_one_transaction_is_one_lane() -> None:
    found = records(some_keys(BATCH, BATCH))
    (lane,) = divided(found)
    assert list(lane) == [found]


@pytest.mark.parametrize("distinct", [2, 40, 2 * BATCH])
def test_lanes_share_no_key_keep_the_order_of_each_and_lose_nothing(distinct: int) -> None:
    found = records(some_keys(MAX_RECORDS, distinct))
    left, right = map(whole, divided(found))
    assert {r.key for r in left}.isdisjoint({r.key for r in right})
    for lane in (left, right):
        assert [r.at.offset for r in lane] == sorted(r.at.offset for r in lane)
    assert sorted(left + right, key=lambda r: r.at.offset) == found


def test_lanes_are_of_one_size_when_keys_are_many() -> None:
    left, right = map(whole, divided(records(some_keys(2 * BATCH, 2 * BATCH))))
    assert abs(len(left) - len(right)) < BATCH / 20


def test_one_key_is_one_lane_however_long_and_no_part_is_over_a_transaction() -> None:
    (lane,) = divided(records([b"one"] * (2 * BATCH + 1)))
    assert [len(part) for part in lane] == [BATCH, BATCH, 1]


async def test_an_error_is_raised_only_when_every_lane_has_ended() -> None:
    begun, ended = asyncio.Event(), False

    async def fails() -> None:
        await begun.wait()
        raise LookupError

    async def goes_on() -> None:
        nonlocal ended
        begun.set()
        for _ in range(5):
            await asyncio.sleep(0)
        ended = True

    with pytest.raises(LookupError):
        await all_of([fails(), goes_on()])
    assert ended
