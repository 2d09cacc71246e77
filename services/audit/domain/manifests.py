"""What a cold month says of itself: which leaves of the log it holds, in which files, and the hashes that lead from them to a signed root.

The month ends where a checkpoint ends. So its root follows from what is here and nothing else: the hashes of the subtrees before the month, and of
those of at most 256 leaves into which the month falls. Each of the latter follows from the events, so no event can change unseen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from contracts.values import ContributionMonth
from services.audit.domain import checkpoints
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.merkle import HASH_BYTES, Edge, Node, Span, aligned, nodes_of
from services.audit.domain.notes import BadNote, NoteKey
from services.audit.domain.tiles import HEIGHT

FORMAT = "perisai cold month v1"
FILE_NAME = "manifest.json"
_PART = re.compile(r"[0-9]{12}\.parquet")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class BadManifest(ValueError):
    """Not what a month was written with; the text says why."""


class Part(NamedTuple):
    """A file: leaves from `start` up to, not including, `end`; `size` in bytes."""

    name: str
    start: int
    end: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`start` to `end`: its leaves. `checkpoint`: the signed note of the log of `end` leaves. `before`: hashes of the subtrees over the leaves
    before `start`; `nodes`: of those of the month, at most 256 leaves each; both from left to right.
    """

    log: str
    month: ContributionMonth
    start: int
    end: int
    checkpoint: str
    before: tuple[bytes, ...]
    nodes: tuple[bytes, ...]
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise BadManifest(f"leaves {self.start} to {self.end} are none / tidak ada daunnya")
        if len(self.before) != len(nodes_of(Span(0, self.start))) or len(self.nodes) != len(self.subtrees):
            raise BadManifest("it has not the number of hashes that its leaves have / jumlah hash-nya salah")
        if any(len(hash_) != HASH_BYTES for hash_ in (*self.before, *self.nodes)):
            raise BadManifest("a hash has 32 bytes / hash berisi 32 bita")
        if [part.start for part in self.parts] != [self.start, *(part.end for part in self.parts[:-1])]:
            raise BadManifest("its files do not follow each other / berkasnya tidak berurutan")
        if not self.parts or self.parts[-1].end != self.end or any(part.start >= part.end for part in self.parts):
            raise BadManifest("its files do not hold its leaves / berkasnya tidak memuat daunnya")

    @property
    def subtrees(self) -> list[Node]:
        """What `nodes` are the hashes of."""
        return aligned(Span(self.start, self.end), HEIGHT)

    def root(self, nodes: Sequence[bytes] = ()) -> bytes:
        """The root of the log of `end` leaves, by its own hashes or with others of the month."""
        return Edge(self._all(nodes)).root()

    def roots(
        self, nodes: Sequence[bytes], leaves: Mapping[Node, Sequence[bytes]], wanted: Container[int]
    ) -> Iterator[tuple[int, bytes]]:
        """The root that the log had at each of these sizes that follows from here. `nodes`: hashes of the month; `leaves`: the leaf hashes under
        its subtrees, where they are known. Up to `start` only the sizes follow with which a subtree before the month ends.
        """
        edge = Edge()
        for node, found in self._all(nodes):
            if node.span.start in wanted:
                yield node.span.start, edge.root()
            inner = edge.copy()
            for size, leaf in enumerate(leaves.get(node, ()), node.span.start + 1):
                inner.add(Node(0, size - 1), leaf)
                if size in wanted:
                    yield size, inner.root()
            edge.add(node, found)
        if self.end in wanted:
            yield self.end, edge.root()

    def _all(self, nodes: Sequence[bytes]) -> Iterator[tuple[Node, bytes]]:
        yield from zip(nodes_of(Span(0, self.start)), self.before, strict=True)
        yield from zip(self.subtrees, nodes or self.nodes, strict=True)

    def signed(self, key: NoteKey) -> Checkpoint:
        """The checkpoint that it stands under. Raises BadNote when it is not one of this log, under this key, that ends with the month."""
        found = checkpoints.read_signed(self.checkpoint, key)
        if self.log != key.name:
            raise BadNote(f"it is of {self.log}, and this is {key.name} / log lain")
        if found.size != self.end:
            raise BadNote(
                f"it is of {found.size} leaves, and the month ends with {self.end} / ukurannya lain dari akhir bulan"
            )
        return found

    def __str__(self) -> str:
        told = {
            "format": FORMAT,
            "log": self.log,
            "month": str(self.month),
            "start": self.start,
            "end": self.end,
            "checkpoint": self.checkpoint,
            "before": [hash_.hex() for hash_ in self.before],
            "nodes": [hash_.hex() for hash_ in self.nodes],
            "files": [part._asdict() for part in self.parts],
        }
        return json.dumps(told, indent=1) + "\n"

    @classmethod
    def parse(cls, text: str) -> Manifest:
        """Reads what `str` wrote, byte for byte. Raises BadManifest."""
        try:
            found = _read(json.loads(text))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadManifest(
                str(error) if isinstance(error, BadManifest) else "it is no manifest / bukan manifes"
            ) from None
        if str(found) != text:
            raise BadManifest("it is not spelt as it was written / ejaannya bukan seperti ditulis")
        return found


def _read(told: dict[str, Any]) -> Manifest:
    if told["format"] != FORMAT:
        raise BadManifest(f"it is not of the format {FORMAT} / bukan format itu")
    parts = tuple(Part(**one) for one in told["files"])
    if not all(_PART.fullmatch(part.name) and _SHA256.fullmatch(part.sha256) for part in parts):
        raise BadManifest("a file in it has another name, or no SHA-256 / nama berkas atau SHA-256 salah")
    hashes = {name: tuple(bytes.fromhex(hash_) for hash_ in told[name]) for name in ("before", "nodes")}
    return Manifest(
        log=str(told["log"]),
        month=ContributionMonth.parse(told["month"]),
        start=int(told["start"]),
        end=int(told["end"]),
        checkpoint=str(told["checkpoint"]),
        parts=parts,
        **hashes,
    )
