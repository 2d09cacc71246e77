"""I6: order per key. On a topic every key lies in one partition, and the first occurrences of its seq are 1, 2, 3 … without a hole.

At a reader: what it recorded on one key of its own because of one key of the source follows the source's order; and no key has come as far as,
or past, the event at which it is parked.
"""

from __future__ import annotations

from collections import defaultdict

from tests.faults.checker.records import Record
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World

CONFLICTING = "conflicting_event"
"""The last event again under another id: it is parked at the seq that took effect."""


async def check(world: World, tally: Tally) -> None:
    causes: dict[str, tuple[str, str, int]] = {}
    for service in world.facts.services:
        causes |= {event.event_id: (*event.place, event.seq) for event in await world.log(service)}
    for topic in world.facts.topics:
        ours = [r for r in await world.events_on(topic) if r.envelope is not None and _is_event(world, r, causes)]
        _one_partition(tally, topic, ours)
        _ascending(tally, topic, ours)
    for service in world.facts.services:
        await _effects_follow(world, tally, service, causes)
        await _parked(world, tally, service)


def _is_event(world: World, record: Record, known: dict[str, tuple[str, str, int]]) -> bool:
    """Not what a cell put under a key that it said would park."""
    envelope = record.envelope
    assert envelope is not None
    planted = {(stream, key) for _, stream, key in world.planted.keys}
    return envelope.event_id in known or (envelope.stream, envelope.key) not in planted


def _one_partition(tally: Tally, topic: str, records: list[Record]) -> None:
    partitions: defaultdict[bytes | None, set[int]] = defaultdict(set)
    for record in records:
        partitions[record.key].add(record.partition)
    for record in records:
        found = partitions.pop(record.key, None)
        if found is not None:
            assert record.envelope is not None
            tally.see(len(found) == 1, topic, record.envelope.key, expected="one partition", actual=sorted(found))


def _ascending(tally: Tally, topic: str, records: list[Record]) -> None:
    last: dict[tuple[str, str], int] = {}
    ids: dict[tuple[str, str, int], str] = {}
    for record in records:
        envelope = record.envelope
        assert envelope is not None
        tally.checked += 1
        place = (envelope.stream, envelope.key)
        before = last.get(place, 0)
        first = ids.setdefault((*place, envelope.seq), envelope.event_id)
        if first != envelope.event_id:
            tally.bad(topic, envelope.key, expected=f"one event at seq {envelope.seq}", actual="two event ids")
        elif envelope.seq > before + 1:
            tally.bad(topic, envelope.key, expected=f"seq {before + 1}", actual=f"seq {envelope.seq}")
        last[place] = max(before, envelope.seq)


async def _effects_follow(world: World, tally: Tally, service: str, causes: dict[str, tuple[str, str, int]]) -> None:
    reached: dict[tuple[str, str, str, str], int] = {}
    own = (event for event in await world.log(service) if event.causation_id in causes)
    for event in sorted(own, key=lambda event: (event.stream, event.key, event.seq)):
        stream, key, seq = causes[event.causation_id or ""]
        place = (*event.place, stream, key)
        tally.checked += 1
        if seq < reached.get(place, 0):
            where, expected = f"{service}.event_log", f"effects of {stream} in order, seq {reached[place]} was there"
            tally.bad(where, event.key, expected=expected, actual=f"an effect of seq {seq} after it")
        reached[place] = max(seq, reached.get(place, 0))


async def _parked(world: World, tally: Tally, service: str) -> None:
    stands = {(row["stream"], row["key"]): row for row in await world.rows(service, "progress")}
    first: dict[tuple[str, str], int] = {}
    for row in await world.rows(service, "parked_events"):
        place = (row["stream"], row["key"])
        first[place] = min(row["seq"], first.get(place, row["seq"]))
    for place, seq in first.items():
        at = stands.get(place)
        if at is None or at["parked"] is None:
            tally.bad(f"{service}.progress", place[1], expected="parked while events of it wait", actual="it flows")
        elif at["seq"] >= seq and at["parked"] != CONFLICTING:
            tally.bad(f"{service}.progress", place[1], expected=f"below seq {seq}", actual=f"seq {at['seq']}")
    tally.checked += len(first)
