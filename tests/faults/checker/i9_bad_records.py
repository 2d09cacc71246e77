"""I9: a bad record harms only itself. What is no event of ours is one dead letter per reader, sealed, and passed over; what cannot be applied parks
its key; nothing else is dead-lettered or parked.

Five tries of an event that raises are one parking (reason `failed`): they are made before anything is written, so the reason shows them.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from tests.faults.checker.effects import READERS
from tests.faults.checker.keys import ServiceKeys, open_letter
from tests.faults.checker.records import Record, offsets
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World

AFTER_FIVE = "failed"
TRIED_AT_EVERY_START = frozenset({"unknown_type", "unknown_version", "invalid", "unreadable"})
SHORTEST = 8
"""Fewer bytes of a record would be found in any ciphertext by chance."""
Place = tuple[str, int, int]


async def check(world: World, tally: Tally) -> None:
    await _letters(world, tally)
    for service in world.facts.services:
        await _parked(world, tally, service)
    await _moved_past(world, tally)


async def _letters(world: World, tally: Tally) -> None:
    """Letters and what was planted are one set, for every reader of the topic."""
    planted = {(p["topic"], int(p["partition"]), int(p["offset"])): p for p in world.planted.dead_letters}
    records = {record.place: record for record in await world.records() if record.place in planted}
    found: set[tuple[str, Place]] = set()
    days = {service: await _days(world, service) for service in world.facts.services}
    for letter in await world.letters():
        place = _place(letter)
        if place is None or place not in planted:
            tally.see(False, "dead-letters", letter.header("offset"), expected="a planted record", actual=place)
            continue
        found.add((letter.header("service"), place))
        _one(tally, letter, planted[place], records.get(place), days.get(letter.header("service"), {}), world)
    for place in planted:
        for service in world.facts.services:
            if place[0].removeprefix(world.facts.prefix) in READERS.get(service, ()):
                there, where = (service, place) in found, f"{place[0]}[{place[1]}]@{place[2]}"
                tally.see(there, "dead-letters", where, expected=f"a letter of {service}", actual="none")


def _place(letter: Record) -> Place | None:
    try:
        return letter.header("topic"), int(letter.header("partition")), int(letter.header("offset"))
    except ValueError:
        return None


async def _days(world: World, service: str) -> dict[str, bytes | None]:
    keys = ServiceKeys.of(world.facts.master_keys[service])
    return {
        row["day"].isoformat(): keys.unwrap("dead-letters", row["day"].isoformat(), row["wrapped"])
        for row in await world.rows(service, "dead_letter_keys")
    }


def _one(
    tally: Tally,
    letter: Record,
    planted: Mapping[str, Any],
    original: Record | None,
    days: Mapping[str, bytes | None],
    world: World,
) -> None:
    """Reason and hash in clear, the bytes sealed: they open with the key of their day and are those that were planted."""
    tally.checked += 1
    where, key = "dead-letters", f"{letter.header('topic')}:{letter.header('partition')}:{letter.header('offset')}"
    if not letter.header("reason") or (letter.key or b"").decode(errors="replace") != key:
        tally.bad(where, key, expected="a reason, and its place as key", actual="missing")
    value, box = (original.value if original else None) or b"", letter.value or b""
    keys = ServiceKeys.of(world.facts.master_keys[letter.header("service")])
    if letter.header("hash") != keys.content_hash(value):
        tally.bad(where, key, expected="the keyed hash of the record", actual="another, or none")
    if len(value) >= SHORTEST and value in box:
        tally.bad(where, key, expected="sealed bytes", actual="the record in clear")
    day_key = days.get(letter.header("day"))
    opened = None if day_key is None else open_letter(day_key, key, box)
    if opened is None:
        tally.bad(where, key, expected="a box under the key of its day", actual="it does not open")
    elif "value" not in letter.header("left-out").split(","):
        inside = json.loads(opened)["value"]
        digest = hashlib.sha256(b"" if inside is None else b64decode(inside)).hexdigest()
        if digest != planted["sha256"]:
            tally.bad(where, key, expected="the record that was planted", actual="other bytes")


async def _parked(world: World, tally: Tally, service: str) -> None:
    """Parked keys and planted ones are one set; each for its reason and after so many tries."""
    planted = {(p["stream"], p["key"]): p for p in world.planted.parked if p["service"] == service}
    where = f"{service}.progress"
    for row in await world.rows(service, "progress"):
        tally.checked += 1
        cause = planted.pop((row["stream"], row["key"]), None)
        if row["parked"] is None:
            if cause is not None:
                tally.bad(where, row["key"], expected=f"parked: {'/'.join(cause['reasons'])}", actual="it flows")
        elif cause is None:
            tally.bad(where, row["key"], expected="not parked", actual=row["parked"])
        else:
            _why(tally, where, row, cause)
    for stream, key in planted:
        tally.see(False, where, key, expected=f"a parked key of {stream}", actual="not there")


def _why(tally: Tally, where: str, row: Mapping[str, Any], cause: Mapping[str, Any]) -> None:
    if row["parked"] not in cause["reasons"]:
        tally.bad(where, row["key"], expected="/".join(cause["reasons"]), actual=row["parked"])
    five = int(cause.get("attempts", 1)) > 1
    if five != (row["parked"] == AFTER_FIVE):
        tally.bad(where, row["key"], expected=f"{cause.get('attempts', 1)} attempts", actual=f"reason {row['parked']}")
    elif row["attempts"] != 1 and row["parked"] not in TRIED_AT_EVERY_START:
        tally.bad(where, row["key"], expected="parked once", actual=f"parked {row['attempts']} times")


async def _moved_past(world: World, tally: Tally) -> None:
    """Every group stands at the end of every partition: nothing holds it up."""
    ends: dict[tuple[str, int], int] = {}
    for record in await world.records():
        ends[record.topic, record.partition] = max(ends.get((record.topic, record.partition), 0), record.offset + 1)
    committed = await offsets(
        world.facts.bootstrap, [group for groups in world.facts.groups.values() for group in groups]
    )
    for service, groups in world.facts.groups.items():
        for group in groups:
            topic = world.facts.prefix + group.rpartition(".")[2]
            for (name, partition), end in ends.items():
                if name == topic:
                    at = committed[group].get((name, partition), 0)
                    tally.see(
                        at >= end, f"{service} {group}", f"{name}[{partition}]", expected=f"offset {end}", actual=at
                    )
