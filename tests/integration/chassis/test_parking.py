"""Parked keys go on: nothing parked is forgotten, whoever races with whom, and no key stands in another's way."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from prometheus_client import REGISTRY

from chassis.clock import SystemClock
from chassis.ids import new_id
from chassis.parkedgauge import ParkedGauge
from chassis.records import Outcome, Received, Record
from chassis.tables import parked_events
from chassis.transaction import Tx
from contracts.sealed import Sealed
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import Counted, Following, Note, Totalled, totals, toy


def counted(h: Harness, counter: UUID, by: int, seq: int | None = None, note: Sealed[Note] | None = None) -> Record:
    return h.record(Counted(counter_id=counter, by=by, note=note), key=counter, seq=seq)


async def totalled(h: Harness, counter: UUID) -> list[int]:
    return [
        e.event.by for e in await h.events("totals") if isinstance(e.event, Totalled) and e.event.counter_id == counter
    ]


async def drain(h: Harness) -> None:
    for _ in range(100):
        if not await h.retry_parked():
            return
    raise AssertionError("a key is tried again and again without a pause")


class Interrupted(Following):
    """Something happens in the middle of the next transaction, after its loads."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], Awaitable[Any]] | None = None

    async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return await super().__call__(tx, items)


class TestClocks:
    @pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1)])
    async def test_keys_wait_by_the_servers_clock_however_wrong_that_of_the_process_is(
        self, stack: Stack, off: timedelta
    ) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            h.clock.move_wall(SystemClock().wall() + off - h.clock.wall())
            waits, gap = new_id(), new_id()
            handler.patience.add(waits)
            await h.deliver(counted(h, waits, 99))
            (key,) = await h.parked()
            assert key.retry_at is not None
            assert timedelta() < key.retry_at - key.parked_at < timedelta(seconds=1)
            assert abs(key.parked_at - SystemClock().wall()) < timedelta(minutes=1)
            handler.patience.clear()
            await h.until_ripe()
            await drain(h)
            await h.deliver(counted(h, gap, 2, seq=2))
            await h.deliver(counted(h, gap, 1, seq=1))  # fills the gap: what waited for it is next
            await drain(h)
            assert await totalled(h, waits) == [99]
            assert await totalled(h, gap) == [1, 2]


class TestRaces:
    async def test_live_record_during_a_retry_is_not_forgotten(self, stack: Stack) -> None:
        handler = Interrupted()
        async with toy(totals(handler), stack) as h:
            one = new_id()
            handler.patience.add(one)
            await h.deliver(counted(h, one, 99))
            handler.patience.clear()
            late = counted(h, one, 2)
            handler.meanwhile = lambda: h.deliver(late)
            await h.until_ripe()
            await drain(h)
            assert await totalled(h, one) == [99, 2]
            assert await h.parked() == []

    async def test_two_retries_and_an_operator_at_once_apply_each_event_once(self, stack: Stack) -> None:
        handler = Interrupted()
        async with toy(totals(handler), stack) as h:
            one = new_id()
            handler.patience.add(one)
            await h.deliver(counted(h, one, 99), *(counted(h, one, n) for n in range(2, 6)))
            handler.patience.clear()

            async def others() -> None:
                await h.ask_retry("counters", str(one))
                await h.retry_parked()

            handler.meanwhile = others
            await h.until_ripe()
            await drain(h)
            assert await totalled(h, one) == [99, 2, 3, 4, 5]
            assert await h.parked() == []

    async def test_two_processes_never_try_the_same_key_and_what_one_left_lying_is_tried_later(
        self, stack: Stack
    ) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            keys = [new_id() for _ in range(5)]
            await h.deliver(*(counted(h, key, 97) for key in keys))
            for key in keys:
                await h.ask_retry("counters", str(key))
            parking, other = h._parking(), h._parking()
            found = await asyncio.gather(parking._ripe(), other._ripe())
            assert sorted(one.key for each in found for one in each) == sorted(map(str, keys))
            assert [*await parking._ripe(), *await other._ripe()] == [], "who has found them is trying them"
            handler.broken = False
            await h.until_ripe()  # nobody did
            await drain(h)
            assert await h.parked() == []

    async def test_key_found_empty_is_not_freed_over_a_record_parked_just_then(self, stack: Stack) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            one = new_id()
            await h.deliver(counted(h, one, 98))
            async with h.app.engine.begin() as conn:
                await conn.execute(sa.delete(parked_events))
            await h.ask_retry("counters", str(one))
            parking = h._parking()
            ripe = await parking._ripe()
            await h.deliver(counted(h, one, 1))
            await parking._free_empty(ripe)
            assert [(key.reason, key.events) for key in await h.parked()] == [("unlucky_number", 1)]

    async def test_event_that_parks_while_a_retry_runs_without_it_is_no_gap_for_ever(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            one = new_id()
            first, second, third, fourth = (counted(h, one, by) for by in (1, 2, 3, 4))
            await h.deliver(first)
            await h.deliver(fourth)  # a gap
            await h.deliver(second)  # fills a part of it: what is parked is tried
            parking = h._parking()
            read = await parking._events(await parking._ripe())
            await h.deliver(third)  # parks behind, for the key is queued
            for consumer in parking._consumers:
                await parking._retry(consumer, read)
            await drain(h)
            assert await totalled(h, one) == [1, 2, 3, 4]
            assert await h.parked() == []


class TestBatchesThatSplit:
    """A poison event of one key cuts the retry's batch into several transactions."""

    async def test_key_that_waits_for_a_fact_goes_on_waiting_for_it(self, stack: Stack) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            waits, poison = new_id(), new_id()
            handler.patience.add(waits)
            await h.deliver(counted(h, waits, 99), counted(h, waits, 2))
            await h.deliver(counted(h, poison, 97))
            await h.ask_retry("counters", str(poison))
            await h.until_ripe()
            await h.retry_parked()
            found = {key.key: key for key in await h.parked()}
            assert (found[str(waits)].reason, found[str(poison)].reason) == ("not_yet", "failed")
            assert found[str(waits)].retry_at is not None, "nobody else would try it again"
            handler.patience.clear()
            await h.until_ripe()
            await drain(h)
            assert await totalled(h, waits) == [99, 2]

    async def test_key_cut_in_two_by_an_outage_is_finished_later(self, stack: Stack) -> None:
        class Cut(Following):
            async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
                numbers = [i.event.by for i in items if isinstance(i.event, Counted)]
                if self.broken and 3 in numbers:  # first the batch is cut before it, then the database goes away
                    raise ArithmeticError if 2 in numbers else ConnectionResetError
                return await super().__call__(tx, items)

        handler = Cut()
        async with toy(totals(handler), stack) as h:
            one = new_id()
            handler.patience.add(one)
            await h.deliver(counted(h, one, 99), counted(h, one, 2), counted(h, one, 3), counted(h, one, 4))
            handler.patience.clear()
            await h.until_ripe()
            try:
                await h.retry_parked()
            except Exception as error:
                assert type(error).__name__ == "Unavailable"
            handler.broken = False
            await drain(h)
            assert await totalled(h, one) == [99, 2, 3, 4]
            assert await h.parked() == []


class TestNoKeyStandsInTheWay:
    async def test_parked_record_that_cannot_be_read_any_more_waits_for_an_operator(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            one, other = new_id(), new_id()
            await h.deliver(counted(h, one, 98), counted(h, other, 98))
            async with h.app.engine.begin() as conn:
                await conn.execute(
                    sa.update(parked_events).values(value=b"\xff").where(parked_events.c.key == str(one))
                )
            h.consumers["participants"].subscription.handler.broken = False  # type: ignore[attr-defined]
            for key in (one, other):
                await h.ask_retry("counters", str(key))
            await drain(h)
            assert [(key.key, key.reason, key.detail) for key in await h.parked()] == [
                (str(one), "unreadable", "not_utf8")
            ]
            assert await totalled(h, other) == [98]

    async def test_stream_that_nobody_reads_any_more_is_left_alone(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            one = new_id()
            await h.deliver(counted(h, one, 98))
            await h.ask_retry("counters", str(one))
            consumer = h.consumers["participants"]
            consumer.topic = "claims"
            assert await h.retry_parked() == 0

    async def test_person_whose_key_cannot_be_had_holds_up_nobody_else(self, stack: Stack) -> None:
        handler = Following()
        async with toy(totals(handler), stack) as h:
            unknown, other = new_id(), new_id()
            h.person(unknown)
            handler.patience |= {unknown, other}
            await h.deliver(counted(h, unknown, 99, note=Sealed(unknown, Note(text="private"))), counted(h, other, 99))
            handler.patience.clear()
            h.app.keys.cache.clear()
            await h.until_ripe()
            await drain(h)
            assert await totalled(h, other) == [99]
            (key,) = await h.parked()
            assert (key.key, key.reason, key.attempts) == (str(unknown), "not_yet", 2)
            assert key.retry_at is not None
            h.person(unknown)
            await h.until_ripe()
            await drain(h)
            assert await totalled(h, unknown) == [99]


async def test_thousand_parked_events_of_one_key_drain_in_order_in_short_transactions(stack: Stack) -> None:
    class Measuring(Following):
        longest = 0

        async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
            self.longest = max(self.longest, len(items))
            return await super().__call__(tx, items)

    handler = Measuring()
    async with toy(totals(handler), stack) as h:
        one = new_id()
        handler.patience.add(one)
        await h.deliver(counted(h, one, 99))
        for start in range(0, 1_000, 500):
            await h.deliver(*(counted(h, one, n) for n in range(1_000 + start, 1_500 + start)))
        handler.patience.clear()
        handler.longest = 0
        await h.until_ripe()
        await drain(h)
        assert await totalled(h, one) == [99, *range(1_000, 2_000)]
        assert handler.longest <= 50
        assert await h.parked() == []
        assert (await h.replay()).equal


async def test_hole_among_parked_events_parks_as_gap_and_an_operators_retry_changes_nothing(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h:
        one = new_id()
        await h.deliver(counted(h, one, 1), counted(h, one, 3, seq=3))
        assert await h.ask_retry("counters", str(one))
        await drain(h)
        (key,) = await h.parked()
        assert (key.reason, key.retry_at, key.events) == ("gap", None, 1)
        assert await totalled(h, one) == [1]


async def test_version_of_the_future_is_applied_by_itself_after_the_upgrade(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h:
        one = new_id()
        first, second = counted(h, one, 1), counted(h, one, 2)
        consumer = h.consumers["participants"]
        known = consumer._catalogue._latest.pop("Counted")  # as a reader that is older than the writer
        try:
            outcomes = await h.deliver(first, second)
        finally:
            consumer._catalogue._latest["Counted"] = known
        assert [type(o).__name__ for o in outcomes] == ["Failed", "Failed"]
        assert [key.reason for key in await h.parked()] == ["unknown_type"]
        assert await h.retry_parked() == 0
        await h._parking()._try_after_upgrade()  # what a new process does first
        await drain(h)
        assert await totalled(h, one) == [1, 2]


async def test_retry_of_a_key_that_flows_says_so(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h:
        one = new_id()
        await h.deliver(counted(h, one, 1))
        assert not await h.ask_retry("counters", str(one))


async def test_gap_that_stays_is_an_alarm_once_a_minute_and_the_metric_follows(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown() -> float | None:
        return REGISTRY.get_sample_value("perisai_parked_keys", {"stream": "counters"})

    async with toy(totals(Following()), stack) as h:
        one = new_id()
        await h.deliver(counted(h, one, 2, seq=2))
        async with h.app.engine.begin() as conn:
            await conn.execute(sa.text("UPDATE progress SET parked_at = parked_at - interval '2 minutes'"))
        gauge = ParkedGauge(h.app.engine)
        for _ in range(3):
            gauge._look_after = 0
            await gauge.look()
        assert shown() == 1
        assert capsys.readouterr().out.count("gap_not_filled") == 1
        await h.deliver(counted(h, one, 1, seq=1))
        await drain(h)
        gauge._look_after = 0
        await gauge.look()
        assert shown() == 0
