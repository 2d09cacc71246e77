"""What was done to the archive, told from the hashes that a checkpoint proves and the rows that are there.

Every leaf whose hash is not where it belongs is named once: altered, deleted, inserted, or moved to another place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from services.audit.domain.checkpoints import Checkpoint, read_signed
from services.audit.domain.notes import BadNote, NoteKey
from services.audit.domain.tiles import WIDTH, Tile

_NOT_OURS = "a checkpoint kept outside is not this log's / titik periksa yang disimpan bukan milik log ini"


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
    FILE = "file"
    """A file of a cold month is missing, changed, of another month or unknown, or its manifest is not what was signed."""


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


def together(parts: Iterable[Part]) -> Part:
    """Several as one."""
    found = list(parts)
    return Part(
        tuple(stray for part in found for stray in part.strays),
        tuple(lost for part in found for lost in part.missing),
        tuple(finding for part in found for finding in part.findings),
    )


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
    text = f"columns {', '.join(row.misfiled)} are not the event's / kolom itu bukan milik peristiwanya"
    return Finding(Kind.MISFILED, place, row.event_id, text)


def other_tile(tile: Tile, *, proved: bool = True) -> Finding:
    """A stored tile that is not the one that was signed. `proved`: another copy of it is."""
    leaves = WIDTH ** (tile.level + 1)
    detail = f"{tile.path} in the database is not what was signed / di basis data bukan yang ditandatangani"
    if not proved:
        detail += (
            f"; no other copy of it is there: {leaves} events from this place on cannot be judged"
            f" / tidak ada salinan lain: {leaves} peristiwa mulai tempat ini tidak dapat dinilai"
        )
    return Finding(Kind.TILE if proved else Kind.UNPROVABLE, tile.number * leaves, None, detail)


def kept_outside(key: NoteKey, texts: Iterable[str]) -> tuple[list[Checkpoint], list[Finding]]:
    """Of notes that somebody kept those that this log signed, and a finding of each other."""
    good: list[Checkpoint] = []
    findings: list[Finding] = []
    for text in texts:
        try:
            good.append(read_signed(text, key))
        except BadNote as error:
            findings.append(Finding(Kind.CHECKPOINT, 0, None, f"{_NOT_OURS}: {error}"))
    return good, findings


def resolve(parts: Iterable[Part], beyond: Iterable[Stray] = (), later: Iterable[Stray] = ()) -> list[Finding]:
    """All findings in the order of places. `beyond`: rows at places that the log does not have; `later`: rows after the last checkpoint, of
    which nothing is known but whether one is an event of the tree.
    """
    found = together(parts)
    strays, missing = found.strays, dict(found.missing)
    home = {hash_: place for place, hash_ in missing.items()}
    outside = [*beyond, *(stray for stray in later if stray.hash in home)]
    elsewhere = {stray.hash for stray in [*strays, *outside]}
    foreign = {stray.place: stray for stray in strays if stray.hash not in home}
    findings = [
        *found.findings,
        *(
            Finding(
                Kind.MOVED,
                stray.place,
                stray.event_id,
                f"belongs at place {home[stray.hash]} / tempatnya {home[stray.hash]}",
            )
            for stray in [*strays, *outside]
            if stray.hash in home
        ),
        *(
            Finding(
                Kind.INSERTED, stray.place, stray.event_id, "the log has no such place / log tidak punya tempat itu"
            )
            for stray in outside
            if stray.hash not in home
        ),
    ]
    for place, hash_ in missing.items():
        findings += _at(place, hash_, foreign.get(place), stands_elsewhere=hash_ in elsewhere)
    return sorted(findings, key=lambda finding: (finding.place, finding.kind))


def _at(place: int, hash_: bytes, foreign: Stray | None, *, stands_elsewhere: bool) -> list[Finding]:
    """What became of a place whose own leaf does not stand there. `foreign`: what does, when it is no leaf of the log."""
    if foreign is not None and stands_elsewhere:
        text = "the event of this place stands elsewhere / peristiwa tempat ini berada di tempat lain"
        return [Finding(Kind.INSERTED, place, foreign.event_id, text)]
    if foreign is not None:
        text = "its bytes are not those that were signed / isinya bukan yang ditandatangani"
        return [Finding(Kind.ALTERED, place, foreign.event_id, text)]
    if stands_elsewhere:
        return []  # told of where it stands
    text = f"no event has the hash {hash_.hex()} that was signed / tidak ada peristiwa dengan hash itu"
    return [Finding(Kind.DELETED, place, None, text)]
