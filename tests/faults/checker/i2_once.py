"""I2: applied once. Every event is on its topic, reaches every reader, and has there exactly the effects that the effect table says.

The events of a service's log and those on the topics are one set, byte for byte. A reader's `progress` holds the last event of every key of the
topics it reads. What a reader recorded because of an event is what `effects.toml` says, and nothing is caused by an event that it has not reached.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tests.faults.checker import conditions
from tests.faults.checker.effects import READERS, RULES, STREAMS, Known, differences
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import Event, World

Reached = dict[tuple[str, str], int]


async def check(world: World, tally: Tally) -> None:
    by_type: dict[str, list[Event]] = {}
    for service in world.facts.services:
        by_type |= await world.by_type(service)
    known = Known(by_type)
    await _on_topics(world, tally)
    for reader in world.facts.services:
        reached = await _progress(world, tally, reader)
        await _caused(world, tally, reader, reached, known)


async def _on_topics(world: World, tally: Tally) -> None:
    """Both ways: what is in a log is on its topic, and the other way round."""
    logged = {event.event_id: event for service in world.facts.services for event in await world.log(service)}
    missing = dict(logged)
    parks = {(stream, key) for _, stream, key in world.planted.keys}
    for topic in world.facts.topics:
        for record in await world.events_on(topic):
            tally.checked += 1
            envelope, where = record.envelope, f"{topic}[{record.partition}]@{record.offset}"
            if envelope is None:
                tally.bad(where, "", expected="an event of ours", actual="no envelope")
                continue
            event = logged.get(envelope.event_id)
            if event is None:
                if (envelope.stream, envelope.key) not in parks:
                    tally.bad(where, envelope.event_id, expected="the event in its log", actual="not there")
                continue
            missing.pop(envelope.event_id, None)
            told = (envelope.stream, envelope.key, envelope.seq, envelope.type, record.key, record.value)
            is_ = (event.stream, event.key, event.seq, event.type, event.key.encode(), event.payload)
            if told != is_ or STREAMS[event.stream] != {"owner": envelope.source, "topic": topic}:
                tally.bad(where, envelope.event_id, expected="the event as it was recorded", actual="another content")
    for event in missing.values():
        tally.bad(STREAMS[event.stream]["topic"], event.event_id, expected="the event on its topic", actual="not there")
    tally.checked += len(logged)


async def _progress(world: World, tally: Tally, reader: str) -> Reached:
    """How far the reader came in every key; the last event of each, unless the key was to park."""
    last: dict[tuple[str, str], Event] = {}
    read = _read(world, reader)
    for service in world.facts.services:
        for event in await world.log(service):
            if STREAMS[event.stream]["topic"] in read:
                before = last.get(event.place)
                last[event.place] = event if before is None or event.seq > before.seq else before
    stands = {(row["stream"], row["key"]): row for row in await world.rows(reader, "progress")}
    where = f"{reader}.progress"
    for place, event in last.items():
        row = stands.get(place)
        seq, event_id = (0, "") if row is None else (row["seq"], str(row["event_id"]))
        if (reader, *place) in world.planted.keys:
            tally.see(seq <= event.seq, where, place[1], expected=f"at most seq {event.seq}", actual=f"seq {seq}")
        elif tally.see(seq == event.seq, where, place[1], expected=f"seq {event.seq}", actual=f"seq {seq}"):
            tally.see(event_id == event.event_id, where, place[1], expected=event.event_id, actual=event_id)
    for place in stands.keys() - last.keys():
        if (reader, *place) not in world.planted.keys and stands[place]["seq"]:
            tally.bad(
                where, place[1], expected="no progress in what was never sent", actual=f"seq {stands[place]['seq']}"
            )
    return {place: row["seq"] for place, row in stands.items()}


def _read(world: World, reader: str) -> set[str]:
    """The topics that this reader follows: what the table says and the run has a group for."""
    groups = {group.rpartition(".")[2] for group in world.facts.groups.get(reader, ())}
    return groups & {*READERS.get(reader, ())}


async def _caused(world: World, tally: Tally, reader: str, reached: Reached, known: Known) -> None:
    found: defaultdict[str, list[Event]] = defaultdict(list)
    for event in await world.log(reader):
        if event.causation_id is not None:
            found[event.causation_id].append(event)
    for service in world.facts.services:
        for cause in await world.log(service):
            own = service == reader
            if own or STREAMS[cause.stream]["topic"] in READERS.get(reader, ()):
                came = own or cause.seq <= reached.get(cause.place, 0)
                _effects(tally, reader, cause, found.pop(cause.event_id, []), known, own=own, came=came)
    for cause_id, events in found.items():
        tally.checked += 1
        where = f"{reader}.event_log"
        tally.bad(
            where, events[0].event_id, expected="a cause that reaches this reader", actual=f"caused by {cause_id}"
        )


def _effects(
    tally: Tally, reader: str, cause: Event, found: Sequence[Event], known: Known, *, own: bool, came: bool
) -> None:
    tally.checked += 1
    where, rule = f"{reader}.event_log after {cause.type}", RULES.get((reader, cause.type, own))
    if rule is None or not came:
        if found:
            expected = "no effect" if rule is None else "no effect before it was reached"
            tally.bad(where, cause.event_id, expected=expected, actual=f"{len(found)}")
        return
    for expected, actual in differences(rule, cause, found, known, conditions):
        tally.bad(where, cause.event_id, expected=expected, actual=actual)
