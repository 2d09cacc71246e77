"""A consumer in trouble: it waits out what will pass, says so, stops before it does damage, and loses nothing."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import REGISTRY

from chassis.consumer import Consumer
from chassis.database import Unavailable
from chassis.fuse import FuseBlown
from chassis.ids import new_id
from chassis.lanes import BATCH
from chassis.outcomes import Done
from chassis.records import Bad, Outcome, Received, Record
from chassis.transaction import Tx
from contracts.event import Event
from contracts.sealed import Sealed, Sealer
from tests.support.counters import watched
from tests.support.service import Harness, Letters
from tests.support.stack import Stack
from tests.support.toy import Counted, Following, Note, Totalled, totals, toy


def counted(h: Harness, counter: UUID, by: int, seq: int | None = None, note: Sealed[Note] | None = None) -> Record:
    return h.record(Counted(counter_id=counter, by=by, note=note), key=counter, seq=seq)


def strange(h: Harness) -> Record:
    return replace(counted(h, new_id(), 1), value=b"hello")


async def totalled(h: Harness) -> list[int]:
    return [e.event.by for e in await h.events("totals") if isinstance(e.event, Totalled)]


def consumer(h: Harness, letters: object | None = None, patience_s: float = 0.3) -> Consumer:
    return Consumer(
        h.consumers["participants"].subscription,
        service="totals",
        catalogue=h.service.catalogue,
        batches=h.app.batches,
        keys=h.app.keys,
        letters=letters or h.letters,  # type: ignore[arg-type]
        patience_s=patience_s,
    )


def consumed(outcome: str) -> float:
    return REGISTRY.get_sample_value("perisai_consumed_total", {"topic": "participants", "outcome": outcome}) or 0.0


class Away(Letters):
    """Fails so many times, each time after a while."""

    def __init__(self, times: int, error: Exception, slow_s: float = 0.0) -> None:
        super().__init__()
        self.left, self.error, self.slow_s, self.tried = times, error, slow_s, 0

    async def send(self, letters: list[Bad]) -> None:
        self.tried += 1
        time.sleep(self.slow_s)  # noqa: ASYNC251 — the time is spent, wherever
        if self.left > 0:
            self.left -= 1
            raise self.error
        await super().send(letters)


class TestOutages:
    async def test_key_store_that_refuses_connections_is_waited_for(self, stack: Stack) -> None:
        class Refusing:
            async def load(self, subjects: Collection[UUID]) -> dict[UUID, bytes | None]:
                raise ConnectionRefusedError

        async with toy(totals(Following()), stack) as h:
            one = new_id()
            h.person(one)
            record = counted(h, one, 1, note=Sealed(one, Note(text="private")))
            h.app.keys.cache.clear()
            h.app.keys._source = Refusing()
            with pytest.raises(Unavailable):
                await consumer(h).consume([record])
            assert await totalled(h) == [] and await h.parked() == []

    async def test_error_nobody_thought_of_is_waited_out_like_an_outage_and_told(
        self, stack: Stack, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with toy(totals(Following()), stack) as h:
            letters = Away(3, ZeroDivisionError("a bug in the plumbing"))
            await consumer(h, letters, patience_s=60).consume([strange(h), counted(h, new_id(), 1)])
            assert (letters.tried, len(letters.sent), await totalled(h)) == (4, 1, [1])
            assert "consumer_failed" in capsys.readouterr().out

    async def test_patience_counts_the_time_that_tries_take(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            letters = Away(1_000, KafkaConnectionError(), slow_s=0.2)
            with pytest.raises(Unavailable):
                await consumer(h, letters, patience_s=0.5).consume([strange(h)])
            assert letters.tried <= 4, "the batch is handed back well before the group gives it to another member"

    async def test_waiting_is_told_and_over_when_it_is_over(
        self, stack: Stack, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with toy(totals(Following()), stack) as h:
            reading = consumer(h, Away(1_000, KafkaConnectionError()))
            with pytest.raises(Unavailable):
                await reading.consume([strange(h)])
            assert reading.waiting_because == "KafkaConnectionError"
            assert capsys.readouterr().out.count("consumer_waits") == 1
            await reading.consume([counted(h, new_id(), 1)])
            assert reading.waiting_because is None


class TestLanes:
    """A poll above BATCH is transactions in two lanes at once."""

    def waiting(self, h: Harness) -> list[Record]:
        """Two events of each of so many keys, all first ones first."""
        keys = [new_id() for _ in range(BATCH)]
        return [counted(h, key, by) for by in (1, 2) for key in keys]

    async def test_each_event_takes_effect_once_in_order_and_in_two_commits(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            records = self.waiting(h)
            async with watched(h.app) as seen:
                await consumer(h).consume(records)
            assert (seen.commits, len(await self.order(h))) == (2, BATCH)

    async def order(self, h: Harness) -> list[str]:
        """The keys of the own log, each of which must hold 1 before 2."""
        events = [e for e in await h.events("totals") if isinstance(e.event, Totalled)]
        found: dict[str, list[int]] = {}
        for e in sorted(events, key=lambda e: e.envelope.seq):
            assert isinstance(e.event, Totalled)
            found.setdefault(e.envelope.key, []).append(e.event.by)
        assert all(by == [1, 2] for by in found.values())
        return [*found]

    async def test_lane_that_fails_is_tried_again_and_the_other_is_not_applied_twice(self, stack: Stack) -> None:
        class Once(Following):
            failed = False

            async def __call__(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
                if not self.failed:
                    self.failed = True
                    raise ConnectionRefusedError
                return await super().__call__(tx, items)

        async with toy(totals(Once()), stack) as h:
            records = self.waiting(h)
            seen, applied = consumed("seen"), consumed("applied")
            await consumer(h, patience_s=60).consume(records)
            assert (consumed("seen") - seen, consumed("applied") - applied) == (0, 2 * BATCH)
            assert (len(await self.order(h)), await h.parked()) == (BATCH, [])


class TestFuse:
    async def test_letter_that_cannot_be_sent_is_one_failure_however_often_it_is_tried(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            letters = Away(6, KafkaConnectionError())
            reading = consumer(h, letters, patience_s=60)
            reading._fuse._in_a_row = 5
            await reading.consume([strange(h)])
            assert len(letters.sent) == 1

    async def test_twenty_failures_in_a_row_stop_the_consumer(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            reading = consumer(h)
            await reading.consume([counted(h, new_id(), 98) for _ in range(19)])
            with pytest.raises(FuseBlown, match="20 failures in a row"):
                await reading.consume([counted(h, new_id(), 98)])

    async def test_strange_records_in_bulk_stop_the_consumer_before_the_first_letter(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            with pytest.raises(FuseBlown):
                await consumer(h).consume([counted(h, new_id(), 1), *(strange(h) for _ in range(20))])
            assert h.letters.sent == [] and await totalled(h) == []

    async def test_strange_records_among_good_ones_are_not_in_a_row(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            records = [record for _ in range(25) for record in (strange(h), counted(h, new_id(), 1))]
            await consumer(h).consume(records)
            assert (len(h.letters.sent), len(await totalled(h))) == (25, 25)

    async def test_followers_and_repeats_are_no_verdict(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            good = counted(h, new_id(), 1)
            await h.deliver(good)
            reading = consumer(h)
            bad = [new_id() for _ in range(20)]
            records = [r for key in bad for r in (counted(h, key, 98), counted(h, key, 1), good)]
            with pytest.raises(FuseBlown, match="20 failures in a row"):
                await reading.consume(records)

    async def test_one_in_twenty_over_a_long_window_stops_it_too(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            reading = consumer(h)
            for _ in range(7):
                await reading.consume([counted(h, new_id(), 98 if n % 17 == 0 else 1) for n in range(50)])
            with pytest.raises(FuseBlown, match="24 of the last 400 failed"):
                await reading.consume([counted(h, new_id(), 98 if n % 17 == 0 else 1) for n in range(50)])


class TestOneBadRecord:
    async def test_upcaster_that_breaks_parks_its_key_and_neighbours_flow(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            reading = consumer(h)
            known = h.service.catalogue
            breaking = replace(counted(h, new_id(), 1), value=b'{"counter_id": 1e999999, "by": 1}')
            decode = known.decode

            def broken(type_: str, version: int, payload: bytes, sealer: Sealer) -> Event:
                if b"1e999999" in payload:
                    raise RecursionError
                return decode(type_, version, payload, sealer)

            known.decode = broken  # type: ignore[method-assign]
            try:
                await reading.consume([breaking, counted(h, new_id(), 5)])
            finally:
                del known.decode
            assert [key.reason for key in await h.parked()] == ["invalid"]
            assert await totalled(h) == [5]

    @pytest.mark.parametrize(("key", "reason"), [("a\x00b", "bad_key"), ("x" * 3_000, "bad_key")])
    async def test_key_that_no_table_can_hold_is_a_dead_letter(self, stack: Stack, key: str, reason: str) -> None:
        async with toy(totals(Following()), stack) as h:
            bad = h.record(Counted(counter_id=new_id(), by=1), key=key)
            await consumer(h).consume([bad, counted(h, new_id(), 5)])
            assert [letter.reason for letter in h.letters.sent] == [reason]
            assert await totalled(h) == [5]


async def test_each_record_is_counted_by_what_became_of_it(stack: Stack) -> None:
    names = ("applied", "seen", "parked", "unhandled", "dead_letter")
    async with toy(totals(Following()), stack) as h:
        before = {name: consumed(name) for name in names}
        seen = counted(h, new_id(), 1)
        await h.deliver(seen)
        reading = consumer(h)
        await reading.consume([seen, seen, counted(h, new_id(), 1), counted(h, new_id(), 98), strange(h)])
        reading.subscription = replace(reading.subscription, types=frozenset())
        await reading.consume([counted(h, new_id(), 1)])
        assert {name: consumed(name) - before[name] for name in names} == {
            "applied": 1,
            "seen": 2,
            "parked": 1,
            "unhandled": 1,
            "dead_letter": 1,
        }


async def test_handler_that_answers_too_few_breaks_instead_of_skipping_events(stack: Stack) -> None:
    class Short(Following):
        async def __call__(self, tx, items, /):  # type: ignore[no-untyped-def]
            return (await super().__call__(tx, items))[:1]

    async with toy(totals(Short()), stack) as h:
        assert await h.deliver(counted(h, new_id(), 1), counted(h, new_id(), 1)) == [Done(), Done()], "each alone"
        assert await totalled(h) == [1, 1]
