"""What the inbox promises: once, in order per key, a bad event parks its own key only, and every parked key can go on."""

from __future__ import annotations

import random
from dataclasses import replace
from uuid import UUID

import pytest

from chassis.database import Unavailable
from chassis.ids import new_id
from chassis.outcomes import Done, Failed, NotYet
from chassis.records import Record
from contracts.sealed import Sealed
from tests.support.service import Harness
from tests.support.stack import Stack
from tests.support.toy import Counted, Following, Note, Totalled, totals, toy


def counted(h: Harness, counter: UUID, by: int, seq: int | None = None) -> Record:
    return h.record(Counted(counter_id=counter, by=by), key=counter, seq=seq)


async def totalled(h: Harness, counter: UUID) -> list[int]:
    return [
        e.event.by for e in await h.events("totals") if isinstance(e.event, Totalled) and e.event.counter_id == counter
    ]


async def test_duplicates_take_effect_once_also_across_batches(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h:
        one = new_id()
        first, second = counted(h, one, 1), counted(h, one, 2)
        await h.deliver(first, first, second)
        await h.deliver(first, second, second)
        assert await totalled(h, one) == [1, 2]


async def test_event_after_a_gap_waits_for_the_missing_one(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h:
        one = new_id()
        first, second, third = (counted(h, one, n) for n in (1, 2, 3))
        assert await h.deliver(first, third) == [Done(), Failed("gap")]
        assert [key.reason for key in await h.parked()] == ["gap"]
        await h.deliver(second)
        await h.retry_parked()
        assert await totalled(h, one) == [1, 2, 3]
        assert await h.parked() == []


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_with_repeats_ends_in_the_order_of_each_key(stack: Stack, seed: int) -> None:
    async with toy(totals(Following()), stack) as h:
        chance = random.Random(seed)
        keys = [new_id() for _ in range(3)]
        records = [counted(h, key, n) for key in keys for n in range(1, 9)] * 2
        chance.shuffle(records)
        while records:
            size = chance.randint(1, 9)
            await h.deliver(*records[:size])
            del records[:size]
        while await h.retry_parked():
            pass
        assert await h.parked() == []
        for key in keys:
            assert await totalled(h, key) == list(range(1, 9))
        assert (await h.replay()).equal


@pytest.mark.parametrize("order", [[4, 2, 3], [3, 2, 3], [5, 2, 4, 3]])
async def test_gap_filled_within_its_own_batch_doubles_nothing(stack: Stack, order: list[int]) -> None:
    async with toy(totals(Following()), stack) as h:
        one = new_id()
        records = {n: counted(h, one, n) for n in range(1, 6)}
        await h.deliver(records[1])
        await h.deliver(*(records[n] for n in order))
        await h.deliver(*records.values())
        while await h.retry_parked():
            pass
        assert await totalled(h, one) == [1, 2, 3, 4, 5]


async def test_event_behind_a_conflicting_one_of_its_batch_has_no_effect_yet(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h:
        one = new_id()
        await h.deliver(counted(h, one, 1))
        await h.deliver(counted(h, one, 7, seq=1), counted(h, one, 2, seq=2))
        assert await totalled(h, one) == [1]


async def test_failed_event_parks_its_key_and_followers_while_neighbours_flow(stack: Stack) -> None:
    handler = Following()
    async with toy(totals(handler), stack) as h:
        bad, good = new_id(), new_id()
        outcomes = await h.deliver(
            counted(h, bad, 1), counted(h, bad, 98), counted(h, good, 5), counted(h, bad, 2), counted(h, good, 6)
        )
        assert outcomes == [Done(), Failed("unlucky_number"), Done(), Failed("behind"), Done()]
        assert await totalled(h, bad) == [1] and await totalled(h, good) == [5, 6]
        await h.deliver(counted(h, bad, 3))
        (key,) = await h.parked()
        assert (key.reason, key.applied_seq, key.events, key.retry_at) == ("unlucky_number", 1, 3, None)
        assert await h.retry_parked() == 0, "nobody asked for a retry"
        handler.broken = False
        assert await h.ask_retry("counters", str(bad))
        await h.retry_parked()
        assert await totalled(h, bad) == [1, 98, 2, 3]
        assert await h.parked() == []


async def test_raising_event_is_tried_five_times_then_parked_alone(stack: Stack) -> None:
    handler = Following()
    async with toy(totals(handler), stack) as h:
        bad, good = new_id(), new_id()
        outcomes = await h.deliver(counted(h, good, 1), counted(h, bad, 97), counted(h, bad, 2), counted(h, good, 3))
        assert isinstance(outcomes[1], Failed) and outcomes[1].reason == "failed"
        assert await totalled(h, good) == [1, 3] and await totalled(h, bad) == []
        (key,) = await h.parked()
        assert (key.reason, key.events) == ("failed", 2)
        assert await h.ask_retry("counters", str(bad))
        await h.retry_parked()
        (key,) = await h.parked()
        assert (key.reason, key.events) == ("failed", 2), "still broken: parked again, nothing lost"
        handler.broken = False
        assert await h.ask_retry("counters", str(bad))
        await h.retry_parked()
        assert await totalled(h, bad) == [97, 2]
        assert await h.parked() == []


async def test_not_yet_is_retried_by_itself_until_the_fact_is_here(stack: Stack) -> None:
    handler = Following()
    async with toy(totals(handler), stack) as h:
        one = new_id()
        handler.patience.add(one)
        assert await h.deliver(counted(h, one, 99), counted(h, one, 2)) == [NotYet("patience"), Failed("behind")]
        await h.until_ripe()
        await h.retry_parked()
        (key,) = await h.parked()
        assert (key.reason, key.detail, key.attempts) == ("not_yet", "patience", 2)
        handler.patience.clear()
        await h.until_ripe()
        await h.retry_parked()
        assert await totalled(h, one) == [99, 2]


async def test_other_event_at_a_known_seq_parks_as_conflicting(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h:
        one = new_id()
        await h.deliver(counted(h, one, 1))
        assert await h.deliver(counted(h, one, 7, seq=1)) == [Failed("conflicting_event")]
        assert await totalled(h, one) == [1]


async def test_known_type_without_handler_only_moves_progress(stack: Stack) -> None:
    async with toy(totals(Following()), stack) as h:
        consumer = h.consumers["participants"]
        consumer.subscription = replace(consumer.subscription, types=frozenset())
        one = new_id()
        assert await h.deliver(counted(h, one, 1), counted(h, one, 2)) == [Done(), Done()]
        assert await h.parked() == [] and await totalled(h, one) == []


class TestRecordsThatAreNotOurs:
    async def test_unparseable_records_become_dead_letters_and_neighbours_flow(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            good, bad = new_id(), new_id()
            whole = counted(h, bad, 1)
            strange = [
                (replace(whole, value=None), "empty"),
                (replace(whole, value=b""), "empty"),
                (replace(whole, value=b"\xff\xfe"), "not_utf8"),
                (replace(whole, value=b"hello"), "not_json"),
                (replace(whole, value=b'{"by": 1'), "not_json"),
                (replace(whole, value=b'{"by": nope}'), "not_json"),
                (replace(whole, value=b'{"a":' * 10_000 + b"1" + b"}" * 10_000), "too_deep"),
                (replace(whole, key=None), "no_key"),
                (replace(whole, key=b"other"), "key_is_not_subject"),
                (replace(whole, headers=whole.headers[1:]), "bad_envelope: ce_specversion is missing"),
                (
                    replace(whole, headers=tuple((n, b"\xff" if n == "ce_id" else v) for n, v in whole.headers)),
                    "bad_envelope: ce_id is not UTF-8",
                ),
                (
                    replace(
                        whole,
                        headers=tuple((n, b"/perisai/totals" if n == "ce_source" else v) for n, v in whole.headers),
                    ),
                    "foreign_source",
                ),
            ]
            await h.deliver(counted(h, good, 1), *(record for record, _ in strange), counted(h, good, 2))
            assert [letter.reason for letter in h.letters.sent] == [reason for _, reason in strange]
            assert await totalled(h, good) == [1, 2]

    async def test_strangers_headers_are_ignored(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            one = new_id()
            record = counted(h, one, 1)
            hostile = (*record.headers, ("reply_to", b"elsewhere"), ("x", b"\xff\xfe"), ("y", None))
            assert await h.deliver(replace(record, headers=hostile)) == [Done()]

    @pytest.mark.parametrize(
        ("header", "value", "reason"),
        [
            ("ce_dataschema", b"perisai:schemas/Counted/2", "unknown_version"),
            ("ce_dataschema", b"perisai:schemas/Mystery/1", "unknown_type"),
        ],
    )
    async def test_types_and_versions_of_the_future_park_their_key(
        self, stack: Stack, header: str, value: bytes, reason: str
    ) -> None:
        async with toy(totals(Following()), stack) as h:
            one = new_id()
            record = counted(h, one, 1)
            headers = tuple(
                (n, value if n == header else b"Mystery" if n == "ce_type" and b"Mystery" in value else v)
                for n, v in record.headers
            )
            assert await h.deliver(replace(record, headers=headers)) == [Failed(reason)]

    async def test_stream_of_the_future_parks_its_key_until_the_upgrade(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            one = new_id()
            record = counted(h, one, 1)
            catalogue = h.service.catalogue
            owner = catalogue.owners.pop("counters")  # as a reader that is older than the stream
            topic = catalogue.topics.pop("counters")
            try:
                assert await h.deliver(record) == [Failed("unknown_type")]
            finally:
                catalogue.owners["counters"], catalogue.topics["counters"] = owner, topic
            assert h.letters.sent == []
            await h.ask_retry("counters", str(one))
            await h.retry_parked()
            assert await totalled(h, one) == [1]

    async def test_event_on_a_stream_that_is_not_its_own_parks_as_invalid(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            record = counted(h, new_id(), 1)
            h.service.catalogue.topics["others"], h.service.catalogue.owners["others"] = "participants", "counting"
            try:
                headers = tuple((n, b"others" if n == "ce_stream" else v) for n, v in record.headers)
                assert await h.deliver(replace(record, headers=headers)) == [Failed("invalid")]
            finally:
                del h.service.catalogue.topics["others"], h.service.catalogue.owners["others"]

    async def test_invalid_payload_of_a_known_version_parks_its_key(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            one = new_id()
            record = replace(counted(h, one, 1), value=b'{"counter_id": 5}')
            assert await h.deliver(record) == [Failed("invalid")]
            assert h.letters.sent == []


class TestPersonKeys:
    async def test_event_of_a_forgotten_person_is_applied_with_blanks(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            one = new_id()
            h.person(one)
            note = Sealed(one, Note(text="private"))
            record = h.record(Counted(counter_id=one, by=1, note=note), key=one)
            assert record.value is not None and b"private" not in record.value
            h.forget(one)
            assert await h.deliver(record) == [Done()]

    async def test_unavailable_key_is_infrastructure_and_parks_nothing(self, stack: Stack) -> None:
        async with toy(totals(Following()), stack) as h:
            one = new_id()
            h.person(one)
            record = h.record(Counted(counter_id=one, by=1, note=Sealed(one, Note(text="private"))), key=one)
            h.app.keys.cache.clear()
            with pytest.raises(Unavailable):
                await h.deliver(record)
            assert await h.parked() == [] and await totalled(h, one) == []
