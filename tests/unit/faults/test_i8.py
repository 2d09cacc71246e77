"""The checker's eyes for the archive: one that audit's own code built passes, and whatever is changed in it, inside or outside, is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain import notes
from services.audit.domain.base64text import to_text
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.leaves import Leaf
from services.audit.domain.merkle import Span, consistency_spans, leaf_hash, nodes_of, parent_hash
from services.audit.publishing import publish
from tests.faults.checker import i8_archive
from tests.faults.checker.facts import Archive
from tests.faults.checker.records import Envelope, Record
from tests.faults.checker.tally import Tally
from tests.faults.checker.tree import Growing, continues
from tests.faults.checker.world import Event, World

LOG, PREFIX = "audit.tests.example/log", "perisai."
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
BATCHES = (1, 3, 3, 2)
"""So many events of registration, then a checkpoint, then its event: the last one waits for the next checkpoint."""
Change = Callable[["Archived"], Any]


class Archived:
    """A drained world with four checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs: dict[str, list[Event]] = {"registration": [], "audit": []}
        self.records_: list[Record] = []
        self.tables: dict[str, list[dict[str, Any]]] = {"archive": [], "sightings": [], "checkpoints": [], "tiles": []}
        for batch in BATCHES:
            for _ in range(batch):
                self._event("registration", "branches", "BranchOpened", {})
            self._event("audit", "checkpoints", "CheckpointSigned", {"size": self._sign()})

    @property
    def hashes(self) -> list[bytes]:
        return [leaf_hash(row["leaf"]) for row in self.tables["archive"]]

    def _event(self, service: str, stream: str, type_: str, data: dict[str, int]) -> None:
        number, topic = len(self.records_), {"branches": "agency", "checkpoints": "audit"}[stream]
        id_, key, payload = f"e{number}", f"k{number % 3}", json.dumps(data).encode()
        seq = 1 + sum(e.place == (stream, key) for e in self.logs[service])
        self.logs[service].append(Event(number, id_, stream, key, seq, type_, None, None, "a", "c", None, payload))
        told = {"id": id_, "source": f"/perisai/{service}", "stream": stream, "subject": key, "seq": seq, "type": type_}
        headers = tuple((f"ce_{name}", str(value).encode()) for name, value in told.items())
        envelope = Envelope(id_, service, stream, key, seq, type_)
        self.records_.append(Record(PREFIX + topic, 0, number, key.encode(), payload, headers, envelope))
        leaf = Leaf(topic, key.encode(), payload, headers).encode()
        columns = {"source": service, "topic": topic, "stream": stream, "key": key, "seq": seq, "type": type_}
        self.tables["archive"].append({"place": number, "event_id": id_, "leaf": leaf, **columns})
        seen = {"topic": topic, "partition": 0, "offset": number, "hash": leaf_hash(leaf), "place": number}
        self.tables["sightings"].append(seen)

    def _sign(self) -> int:
        """The size of the checkpoint."""
        leaves, checkpoints = self.hashes, self.tables["checkpoints"]
        before, size = (checkpoints[-1]["size"] if checkpoints else 0), len(leaves)
        checkpoint = Checkpoint(LOG, size, tree(leaves))
        note = str(notes.Note(checkpoint.text, (notes.sign(checkpoint.text, LOG, KEY),)))
        path = [to_text(tree(leaves[span.start : span.end])) for span in consistency_spans(before, size)]
        root = to_text(checkpoint.root)
        checkpoints.append({"size": size, "root": root, "note": note, "before": before, "path": path})
        publish(self.folder, size, note, path, {})
        self.tables["tiles"].append({"level": 0, "number": 0, "width": size, "hashes": b"".join(leaves)})
        return size

    @property
    def facts(self) -> Any:
        public = KEY.public_key().public_bytes_raw()
        archive = Archive(LOG, public, self.folder)
        return SimpleNamespace(
            services=("registration", "audit"), archive=archive, prefix=PREFIX, topics=("agency", "audit")
        )

    planted = SimpleNamespace(places=frozenset[Any](), keys=frozenset[tuple[str, str, str]]())

    async def log(self, service: str) -> list[Event]:
        return self.logs[service]

    async def rows(self, _: str, table: str) -> list[dict[str, Any]]:
        return self.tables[table]

    async def records(self) -> list[Record]:
        return self.records_


def tree(leaves: list[bytes]) -> bytes:
    """By the service's own rules: of the perfect trees from the right."""
    peaks = [_perfect(leaves[n.number << n.level : (n.number + 1) << n.level]) for n in nodes_of(Span(0, len(leaves)))]
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = parent_hash(peak, found)
    return found


def _perfect(leaves: list[bytes]) -> bytes:
    return (
        leaves[0]
        if len(leaves) == 1
        else parent_hash(_perfect(leaves[: len(leaves) // 2]), _perfect(leaves[len(leaves) // 2 :]))
    )


async def judged(archived: Archived) -> Tally:
    tally = Tally("I8")
    await i8_archive.check(cast(World, archived), tally)
    return tally


@pytest.fixture
def archived(tmp_path: Path) -> Archived:
    return Archived(tmp_path)


async def test_what_audit_built_passes(archived: Archived) -> None:
    tally = await judged(archived)
    assert (tally.violations, tally.first) == (0, [])
    assert tally.checked > 100


def _lose(table: str, at: int) -> Change:
    return lambda world: world.tables[table].pop(at)


def _edit(table: str, at: int, **changes: Any) -> Change:
    return lambda world: world.tables[table][at].update(changes)


def _other(at: int) -> bytes:
    return Leaf("agency", b"k", b"{}", (("ce_id", b"e%d" % at),)).encode()


CHANGES: dict[str, Change] = {
    "an event that was never archived": lambda w: w.logs["registration"].append(
        Event(99, "e99", "branches", "k9", 1, "BranchOpened", None, None, "a", "c", None, b"{}")
    ),
    "the last leaf is lost": _lose("archive", -1),
    "a leaf from the middle is lost": _lose("archive", 4),
    "an event is archived twice": lambda w: w.tables["archive"].append(w.tables["archive"][2] | {"place": 13}),
    "a leaf is another one": _edit("archive", 5, leaf=_other(5)),
    "a column says something else": _edit("archive", 5, key="k9"),
    "two leaves changed places": lambda w: (
        w.tables["archive"][2].update(place=3),
        w.tables["archive"][3].update(place=2),
    ),
    "an event is in no log": lambda w: w.logs["registration"].pop(3),
    "a log says something else": lambda w: setattr(w.logs["registration"][3], "payload", b"[]"),
    "a record was not seen": _lose("sightings", 6),
    "a record holds something else": lambda w: w.records_.__setitem__(6, replace(w.records_[6], value=b"[]")),
    "a checkpoint has another root": _edit("checkpoints", 1, root=to_text(bytes(32))),
    "a checkpoint has another note": _edit("checkpoints", 1, note="x\n\n"),
    "a checkpoint does not continue": _edit("checkpoints", 2, path=[]),
    "a checkpoint is lost": _lose("checkpoints", 1),
    "the last checkpoint is lost": _lose("checkpoints", -1),
    "a tile names another leaf": _edit("tiles", 1, hashes=bytes(160)),
    "a checkpoint outside is lost": lambda w: (w.folder / f"{5:020d}.checkpoint").unlink(),
    "a checkpoint outside is another one": lambda w: (w.folder / f"{5:020d}.checkpoint").write_text("x"),
    "a checkpoint outside is unknown": lambda w: (w.folder / f"{6:020d}.checkpoint").write_text("x"),
    "a proof outside is lost": lambda w: (w.folder / f"{5:020d}.path").unlink(),
    "the newest outside is an older one": lambda w: (w.folder / "checkpoint").write_text("x"),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_what_was_changed_is_named(archived: Archived, what: str) -> None:
    CHANGES[what](archived)
    assert (await judged(archived)).violations > 0


async def test_a_note_that_somebody_else_signed_is_named(archived: Archived) -> None:
    stranger = Ed25519PrivateKey.generate()
    row = archived.tables["checkpoints"][1]
    text = row["note"].partition("\n\n")[0] + "\n"
    row["note"] = str(notes.Note(text, (notes.sign(text, LOG, stranger),)))
    (archived.folder / f"{row['size']:020d}.checkpoint").write_text(row["note"])
    assert [one["actual"] for one in (await judged(archived)).first] == ["another note, or no signature"]


@given(first=st.integers(1, 70), more=st.integers(1, 70))
def test_a_tree_continues_one_that_it_begins_with_and_no_other(first: int, more: int) -> None:
    leaves = [bytes([n + 1]) * 32 for n in range(first + more)]
    grown = Growing()
    for leaf in leaves:
        grown.add(leaf)
    assert grown.root == tree(leaves)
    path = [tree(leaves[span.start : span.end]) for span in consistency_spans(first, first + more)]
    assert continues(first, first + more, tree(leaves[:first]), grown.root, path)
    for wrong in (path[:-1], [*path, bytes(32)], [bytes(32), *path[1:]]):
        assert not continues(first, first + more, tree(leaves[:first]), grown.root, wrong)
    assert not continues(first, first + more, bytes(32), grown.root, path)
