"""A poll is cut into lanes that share no key, and no lane is left alone."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from chassis.consumer import Consumer
from chassis.database import Unavailable
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


class Settling(Consumer):
    """Notes what it settles instead; the part that begins with `stumbles` fails the first time."""

    def __init__(self, stumbles: Record) -> None:
        subscription: Any = SimpleNamespace(topic="t", handled=frozenset())
        nothing: Any = None
        super().__init__(
            subscription, service="tests", catalogue=nothing, batches=nothing, keys=nothing, letters=nothing
        )
        self.stumbles: Record | None = stumbles
        self.settled: list[Record] = []

    async def _settle(self, found: Sequence[Record]) -> None:
        await asyncio.sleep(0)
        if found[0] is self.stumbles:
            self.stumbles = None
            raise Unavailable
        self.settled += found


async def test_a_lane_whose_second_part_fails_goes_on_there_and_nothing_is_settled_twice() -> None:
    found = records(some_keys(MAX_RECORDS, MAX_RECORDS))
    (_, second), whole_other = (lane := divided(found))[0], whole(lane[1])
    consumer = Settling(second[0])
    await consumer.consume(found)
    assert consumer.stumbles is None, "it did fail"
    assert sorted(r.at.offset for r in consumer.settled) == [r.at.offset for r in found]
    assert [r for r in consumer.settled if r in whole_other] == whole_other
    assert consumer.settled.index(second[0]) > consumer.settled.index(whole_other[-1]), "the other lane ended first"


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
