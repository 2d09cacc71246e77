"""The judge of consumed events, pure: what it lets through is what it books, whatever comes in whatever order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.batches import Rerun
from chassis.inbox import Applying, Place
from chassis.outcomes import Done, Failed, NotYet
from chassis.records import Coordinates, Incoming, Outcome, Received, Record
from chassis.transaction import Tx
from contracts.envelope import Envelope
from tests.support.toy import Counted

NOW = datetime(2025, 10, 6, tzinfo=UTC)
KEYS = ("a", "b")


class Judged(Applying):
    """The judge with its state in memory instead of `progress` and `parked_events`."""

    def __init__(self) -> None:
        super().__init__(self.handle, name="judged")
        self.places = {("counters", key): Place("counters", key) for key in KEYS}
        self.applied: list[tuple[str, int]] = []
        self.parked: list[Incoming] = []
        self.refused: set[tuple[str, int]] = set()
        self.impatient: set[tuple[str, int]] = set()

    async def handle(self, tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        self.asked = [(item.envelope.key, item.envelope.seq) for item in items]
        return [self._answer(place) for place in self.asked]

    def _answer(self, place: tuple[str, int]) -> Outcome:
        if place in self.refused:
            return Failed("unlucky")
        return NotYet("patience") if place in self.impatient else Done()

    def take(self, items: Sequence[Incoming]) -> list[Outcome]:
        """One batch: re-run as `Batches` would, then kept as the transaction would keep it."""
        self._blocked.clear()
        for _ in range(20):
            self.asked = []
            places = {key: Place(**{f: getattr(place, f) for f in _FIELDS}) for key, place in self.places.items()}
            try:
                outcomes, parked = asyncio.run(self._judge(cast(Tx, None), places, items, NOW))
            except Rerun:
                continue
            self.places = places
            self.parked += parked
            self.applied += [place for place in self.asked if isinstance(self._answer(place), Done)]
            return outcomes
        raise AssertionError("asked to start again for ever")


_FIELDS = ("stream", "key", "seq", "event_id", "revision", "parked", "detail", "attempts", "parked_at", "retry_at")


def incoming(key: str, seq: int, copy: int = 0) -> Incoming:
    """Event `seq` of a key; another `copy` is a stranger that claims the same place."""
    event_id = UUID(int=copy * 1_000 + KEYS.index(key) * 100 + seq)
    envelope = Envelope(
        event_id=event_id,
        source="counting",
        stream="counters",
        key=key,
        seq=seq,
        type="Counted",
        version=1,
        rules="toy/1",
        occurred_at=NOW,
        recorded_at=NOW,
        actor="tests",
        correlation_id=event_id,
    )
    record = Record(Coordinates("perisai.participants", 0, seq), key.encode(), b"{}", ())
    return Incoming(record, envelope, b"{}", Counted(counter_id=event_id, by=1))


arrivals = st.lists(st.builds(incoming, st.sampled_from(KEYS), st.integers(1, 6)), min_size=1, max_size=14)


@given(arrivals, st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_what_is_handled_is_booked_and_nothing_else(found: list[Incoming], sizes: list[int]) -> None:
    judged = Judged()
    while found:
        size = sizes[len(found) % len(sizes)]
        judged.take(found[:size])
        found = found[size:]
    for key in KEYS:
        handled = [seq for owner, seq in judged.applied if owner == key]
        assert handled == list(range(1, len(handled) + 1)), "in order, once"
        assert judged.places["counters", key].seq == len(handled), "progress is what was handled"


@given(
    arrivals,
    st.sets(st.tuples(st.sampled_from(KEYS), st.integers(1, 6)), max_size=3),
    st.sets(st.tuples(st.sampled_from(KEYS), st.integers(1, 6)), max_size=3),
)
def test_no_event_is_forgotten_whatever_the_handler_says(
    found: list[Incoming], refused: set[tuple[str, int]], impatient: set[tuple[str, int]]
) -> None:
    judged = Judged()
    judged.refused, judged.impatient = refused, impatient
    judged.take(found)
    for item in found:
        place = judged.places["counters", item.envelope.key]
        if item.envelope.seq > place.seq:
            assert place.parked is not None, "its key waits"
            assert item.envelope.event_id in {parked.envelope.event_id for parked in judged.parked}


@pytest.mark.parametrize("order", [[2, 3, 1], [3, 1, 2, 3], [2, 1, 2], [4, 1, 3, 2]])
def test_event_behind_a_filled_gap_is_left_to_the_parking_and_not_handled_twice(order: list[int]) -> None:
    judged = Judged()
    judged.take([incoming("a", seq) for seq in order])
    assert judged.applied == [("a", 1)]
    assert judged.places["counters", "a"].parked == "queued"


def test_follower_whose_predecessor_was_settled_in_the_rerun_goes_next_by_itself() -> None:
    judged = Judged()
    judged.impatient = {("a", 1)}
    asked = []

    async def patient_at_once(tx: Tx, items: Sequence[Received], /) -> list[Outcome]:
        asked.append(len(items))
        outcomes = await judged.handle(tx, items)
        judged.impatient.clear()  # the missing fact is committed by another transaction just now
        return outcomes

    judged._handler = patient_at_once
    assert judged.take([incoming("a", 1), incoming("a", 2)]) == [Done(), Failed("behind")]
    place = judged.places["counters", "a"]
    assert (place.seq, place.parked, place.retry_at) == (1, "queued", NOW)


def test_event_after_a_conflicting_one_waits_and_is_not_handled() -> None:
    judged = Judged()
    judged.take([incoming("a", 1)])
    judged.take([incoming("a", 1, copy=1), incoming("a", 2)])
    assert judged.applied == [("a", 1)]
    assert judged.places["counters", "a"].parked == "conflicting_event"
