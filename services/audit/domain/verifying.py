"""What was done to the archive, told from the hashes that a checkpoint proves and the rows that are there.

Every leaf whose hash is not where it belongs is named once: altered, deleted, inserted, or moved to another place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    ALTERED = "altered"
    """Another event's bytes stand at this place."""
    DELETED = "deleted"
    INSERTED = "inserted"
    """It stands where the log has nothing, or where another one's place was taken by moving that."""
    MOVED = "moved"
    """An event of the log at the place of another one, as after a swap."""
    MISFILED = "misfiled"
    """The event is what it was, but the columns by which it is found say something else."""
    TILE = "tile"
    """A stored part of the tree is not what was signed; the events under it were judged by another copy or by themselves."""
    UNPROVABLE = "unprovable"
    """Events of this range and every copy of the tree over them were changed: that one was is proved, which one is not."""
    CHECKPOINT = "checkpoint"


class Finding(NamedTuple):
    """`place`: from 0; of a range the first. `event_id`: as the row says, None where none is left."""

    kind: Kind
    place: int
    event_id: str | None
    detail: str


class Row(NamedTuple):
    """What stands at a place: the hash of its leaf, and which of its columns disagree with it."""

    hash: bytes
    event_id: str
    misfiled: tuple[str, ...] = ()


class Stray(NamedTuple):
    place: int
    hash: bytes
    event_id: str


class Part(NamedTuple):
    """What one range of places showed; its strays may belong to another range."""

    strays: tuple[Stray, ...] = ()
    missing: tuple[tuple[int, bytes], ...] = ()
    """Places whose leaf does not stand there, with its hash."""
    findings: tuple[Finding, ...] = ()


def compare(start: int, proven: Sequence[bytes], rows: Mapping[int, Row]) -> Part:
    """The rows of one range against the hashes that are proved for it, from `start` on."""
    strays, missing, findings = [], [], []
    for place, hash_ in enumerate(proven, start=start):
        row = rows.get(place)
        if row is not None and row.hash == hash_:
            findings += [_misfiled(place, row)] if row.misfiled else []
            continue
        missing.append((place, hash_))
        if row is not None:
            strays.append(Stray(place, row.hash, row.event_id))
    return Part(tuple(strays), tuple(missing), tuple(findings))


def _misfiled(place: int, row: Row) -> Finding:
    return Finding(Kind.MISFILED, place, row.event_id, f"columns {', '.join(row.misfiled)} are not the event's")


def resolve(parts: Iterable[Part], beyond: Iterable[Stray] = ()) -> list[Finding]:
    """All findings in the order of places. `beyond`: rows at places that the log does not have."""
    parts = list(parts)
    home = {hash_: place for part in parts for place, hash_ in part.missing}
    strays = [stray for part in parts for stray in part.strays]
    outside = list(beyond)
    found_again = {stray.hash for stray in [*strays, *outside]}
    stands = {stray.place: stray for stray in strays}
    findings = [finding for part in parts for finding in part.findings]
    for stray in [*strays, *outside]:
        if (place := home.get(stray.hash)) is not None:
            findings.append(Finding(Kind.MOVED, stray.place, stray.event_id, f"belongs at place {place}"))
    for part in parts:
        for place, hash_ in part.missing:
            there = stands.get(place)
            foreign = there is not None and there.hash not in home
            if hash_ in found_again:
                if foreign and there is not None:
                    findings.append(
                        Finding(Kind.INSERTED, place, there.event_id, "the event of this place stands elsewhere")
                    )
            elif foreign and there is not None:
                findings.append(
                    Finding(Kind.ALTERED, place, there.event_id, "its bytes are not those that were signed")
                )
            else:
                findings.append(
                    Finding(Kind.DELETED, place, None, f"no event has the hash {hash_.hex()} that was signed")
                )
    findings += [
        Finding(Kind.INSERTED, stray.place, stray.event_id, "the log has no such place")
        for stray in outside
        if stray.hash not in home
    ]
    return sorted(findings, key=lambda finding: (finding.place, finding.kind))
