"""I8: the archive is complete, unaltered and consistent with every older checkpoint, inside the database and outside of it.

Archive, logs and topics are the same events, byte for byte, each once; every checkpoint is what the leaves come to, is signed, continues the one
before, and lies in the folder as it was signed; all but audit's own last events are under one. Not run where audit does not play.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.checker.effects import STREAMS
from tests.faults.checker.facts import Archive
from tests.faults.checker.leaves import Leaf, leaf_of, read_leaf
from tests.faults.checker.tally import Tally
from tests.faults.checker.tree import Growing, continues, hash_of, is_signed, note_of
from tests.faults.checker.world import Event, Row, World

AUDIT = "audit"
TILE = 256
WHERE = "audit.archive"


async def check(world: World, tally: Tally) -> None:
    if AUDIT not in world.facts.services or world.facts.archive is None:
        return
    rows = sorted(await world.rows(AUDIT, "archive"), key=lambda row: int(row["place"]))
    for place, row in enumerate(rows):
        tally.see(row["place"] == place, WHERE, row["event_id"], expected=f"place {place}", actual=row["place"])
    await _as_logged(world, tally, rows)
    await _as_on_topics(world, tally, rows)
    leaves = [hash_of(bytes(row["leaf"])) for row in rows]
    checkpoints = await world.rows(AUDIT, "checkpoints")
    _checkpoints(tally, world.facts.archive, leaves, checkpoints)
    _outside(tally, world.facts.archive.folder, checkpoints)
    await _signed(world, tally, rows, checkpoints)
    await _tiles(world, tally, leaves)


async def _as_logged(world: World, tally: Tally, rows: Sequence[Row]) -> None:
    """Each event of each log is one leaf, and each leaf is one event of a log, or of a thing that a cell made up on the topics."""
    made_up = {(stream, key) for _, stream, key in world.planted.keys}
    logged = {
        event.event_id: (service, event) for service in world.facts.services for event in await world.log(service)
    }
    times = Counter(str(row["event_id"]) for row in rows)
    for event_id in logged.keys() - times.keys():
        tally.bad(WHERE, event_id, expected="archived", actual="not there")
    for event_id, number in times.items():
        if number > 1:
            tally.bad(WHERE, event_id, expected="archived once", actual=f"{number} times")
    for row in rows:
        event_id = str(row["event_id"])
        found = logged.get(event_id)
        if found is None and (row["stream"], row["key"]) in made_up:
            continue
        if not tally.see(found is not None, WHERE, event_id, expected="in a log", actual="in none") or found is None:
            continue
        leaf = read_leaf(bytes(row["leaf"]))
        same = leaf is not None and _says(leaf, row) == _told(*found)
        tally.see(same, WHERE, event_id, expected="the event as it was recorded", actual="another content")
    tally.checked += len(logged)


def _says(leaf: Leaf, row: Row) -> tuple[object, ...]:
    """What a leaf says, and the columns beside it."""
    envelope = leaf.envelope
    if envelope is None:
        return ()
    columns = tuple(str(row[name]) for name in ("source", "topic", "stream", "key", "seq", "type", "event_id"))
    return (
        *(envelope.source, leaf.topic, envelope.stream, envelope.key, str(envelope.seq), envelope.type),
        *(envelope.event_id, leaf.key, leaf.value, columns),
    )


def _told(service: str, event: Event) -> tuple[object, ...]:
    topic = STREAMS[event.stream]["topic"]
    own = (service, topic, event.stream, event.key, str(event.seq), event.type, event.event_id)
    return (*own, event.key.encode(), event.payload, own)


async def _as_on_topics(world: World, tally: Tally, rows: Sequence[Row]) -> None:
    """Each record of a topic was seen where it lies, and the event in it is the leaf that it was."""
    leaf_by_id = {str(row["event_id"]): bytes(row["leaf"]) for row in rows}
    topics = {world.facts.prefix + topic: topic for topic in world.facts.topics}
    seen = {
        (row["topic"], row["partition"], row["offset"], bytes(row["hash"]))
        for row in await world.rows(AUDIT, "sightings")
    }
    for record in await world.records():
        if record.topic not in topics:
            continue
        leaf, where = leaf_of(record, world.facts.prefix), f"{topics[record.topic]}[{record.partition}]@{record.offset}"
        place = (topics[record.topic], record.partition, record.offset, hash_of(leaf))
        tally.see(place in seen, "audit.sightings", where, expected="seen", actual="not seen")
        if record.envelope is not None and record.place not in world.planted.places:
            same = leaf_by_id.get(record.envelope.event_id) == leaf
            tally.see(same, WHERE, where, expected="this record as a leaf", actual="another one, or none")


def _checkpoints(tally: Tally, archive: Archive, leaves: Sequence[bytes], found: Sequence[Row]) -> None:
    """In the order of their sizes, beside a tree that grows."""
    tree, where = Growing(), "audit.checkpoints"
    before, before_root = 0, b""
    for row in sorted(found, key=lambda row: int(row["size"])):
        size = int(row["size"])
        if not tally.see(size <= len(leaves), where, size, expected=f"{size} leaves", actual=f"{len(leaves)}"):
            return
        while tree.size < size:
            tree.add(leaves[tree.size])
        root, text = base64.b64decode(row["root"]), note_of(archive.log, size, tree.root)
        tally.see(root == tree.root, where, size, expected="the root of its leaves", actual="another root")
        signed = row["note"].startswith(text + "\n") and is_signed(row["note"], archive.log, archive.public_key)
        tally.see(signed, where, size, expected="a signed note of it", actual="another note, or no signature")
        tally.see(row["before"] == before, where, size, expected=f"the one after {before}", actual=row["before"])
        path = [base64.b64decode(one) for one in row["path"]]
        proved = continues(before, size, before_root, root, path) if before else not path
        tally.see(proved, where, size, expected="the proof that it continues", actual="no proof")
        before, before_root = size, root


def _outside(tally: Tally, folder: Path, found: Sequence[Row]) -> None:
    """The folder holds every checkpoint as it was signed, no other, and the newest under its name."""
    inside = {int(row["size"]): row for row in found}
    outside = {int(file.stem): file for file in folder.glob("*.checkpoint")}
    for size in inside.keys() | outside.keys():
        row, file = inside.get(size), outside.get(size)
        same = row is not None and file is not None and _same(row, file)
        tally.see(
            same, "checkpoints outside", size, expected="as it was signed", actual="another one, or only one of both"
        )
    if inside:
        newest = folder / "checkpoint"
        same = newest.exists() and newest.read_text() == inside[max(inside)]["note"]
        tally.see(same, "checkpoints outside", "newest", expected="the newest", actual="another one, or none")


def _same(row: Mapping[str, object], file: Path) -> bool:
    path = file.with_suffix(".path")
    return file.read_text() == row["note"] and path.exists() and path.read_text().split() == row["path"]


async def _signed(world: World, tally: Tally, rows: Sequence[Row], found: Sequence[Row]) -> None:
    """Drained: whatever is not audit's own is under a checkpoint, and each checkpoint is one event."""
    size = max((int(row["size"]) for row in found), default=0)
    for row in rows[size:]:
        tally.see(row["source"] == AUDIT, WHERE, row["event_id"], expected="under a checkpoint", actual="under none")
    events = [event for event in await world.log(AUDIT) if event.type == "CheckpointSigned"]
    told, there = Counter(event.data["size"] for event in events), Counter(int(row["size"]) for row in found)
    tally.see(told == there, "audit.checkpoints", "", expected="one event each", actual=f"{len(events)} events")


async def _tiles(world: World, tally: Tally, leaves: Sequence[bytes]) -> None:
    """The lowest tiles name the leaf that was altered, not only that one was."""
    for row in await world.rows(AUDIT, "tiles"):
        if row["level"] == 0:
            start = int(row["number"]) * TILE
            same = bytes(row["hashes"]) == b"".join(leaves[start : start + int(row["width"])])
            tally.see(same, "audit.tiles", row["number"], expected="the hashes of its leaves", actual="others")
