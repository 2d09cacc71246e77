"""The whole verification: checkpoints, the copies kept outside, the tree, and every event under it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis.database import steady
from contracts.values import ContributionMonth
from services.audit.cold.judging import judge_all
from services.audit.cold.shelf import COLD, Shelf
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.merkle import EMPTY_ROOT, Span
from services.audit.domain.notes import NoteKey
from services.audit.domain.verifying import Finding, Kind, Part, Stray, kept_outside, resolve
from services.audit.publishing import notes_in
from services.audit.queries.log import size_of
from services.audit.queries.months import span_of
from services.audit.tables import archive
from services.audit.verification.chain import chained, links_of
from services.audit.verification.parts import Judge, Proven, judge
from services.audit.verification.trust import Trust

MOST_HOLES = 1_000
"""Empty places after the last checkpoint that are named one by one."""
PART_TILES = 32
"""Tiles of 256 leaves that are judged at once: 8,192 events."""

_HASH: sa.Label[bytes] = sa.literal_column("COALESCE(sha256('\\x00'::bytea || leaf), ''::bytea)", sa.LargeBinary).label(
    "hash"
)

Tell = Callable[[int, int], None]
"""Events judged, and how many there are."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`events`: proved by a checkpoint. `unsigned`: archived since; nothing is proved of them yet but that they are there."""

    log: str
    events: int
    unsigned: int
    checkpoints: int
    findings: list[Finding]
    cold: list[str] = field(default_factory=list)
    """Months that were judged from their files as well."""

    @property
    def verified(self) -> bool:
        """Nothing is, where nothing was signed yet."""
        return self.events > 0 and not self.findings

    def as_json(self) -> dict[str, Any]:
        """`not_judged`: what the archive says and the tree does not hold, as `GET /events` names it."""
        said = {"findings": [f._asdict() for f in self.findings], "verified": self.verified}
        return {**asdict(self), **said, "not_judged": ["records"]}


async def verify(
    engine: AsyncEngine,
    key: NoteKey,
    folder: Path,
    *,
    kept: Sequence[str] = (),
    by: Judge | None = None,
    shelf: Shelf | None = None,
    at_once: int = 2,
    tell: Tell = lambda done, of: None,
) -> Outcome:
    """Recomputes everything, beside whatever is archived meanwhile. `folder`: where checkpoints and tiles were written outside the database;
    `kept`: further signed checkpoints that somebody kept; `by`: who judges ranges, `at_once` of them (default: this process); `shelf`: the cold
    months (default: those in `folder`), each of which is judged too.
    Raises the database's errors and the judge's; every other trouble is a finding.
    """
    shelf = shelf or Shelf(folder / COLD)
    cold = await asyncio.to_thread(judge_all, shelf, key, [folder])
    published = notes_in(folder)  # before the snapshot: a checkpoint is in the database first
    async with engine.connect() as conn:
        await steady(conn)
        links, findings = await links_of(conn, key)
        signed = [link.checkpoint for link in links]
        outside, more = kept_outside(key, [*published.values(), *kept, *cold.notes])
        findings += more + _unlike(signed, outside)
        base = max([*outside, *signed], key=lambda one: one.size, default=Checkpoint(key.name, 0, EMPTY_ROOT))
        trust = Trust(conn, folder, base)
        tiles = await trust.climb()
        findings += await chained(trust, key.name, links, outside, findings)
        findings += trust.findings
        # checkpoints whose chain holds up to the base are its beginnings already
        whole = base in signed and not findings
        for older in {*outside} - {*signed} if whole else {*signed, *outside}:
            findings += await _begins_with(trust, base, older)
        head = await size_of(conn)
        later, beyond = await _after(conn, base.size, head)
        holes = await _holes(conn, base.size, head)
        findings += [*cold.findings, *await _mislabelled(conn, key, cold.spans)]
    parts = await _judged(by or here(engine, folder, shelf), tiles, at_once, lambda done: tell(done, base.size))
    found = sorted({*findings, *resolve(parts, beyond, later), *holes}, key=lambda f: (f.place, f.kind, f.detail))
    return Outcome(key.name, base.size, max(head - base.size, 0), len(signed), found, [*cold.spans])


def here(engine: AsyncEngine, folder: Path, shelf: Shelf) -> Judge:
    """Judges in this process, each range over a connection of its own."""

    async def judged(tiles: Sequence[Proven]) -> Part:
        async with engine.connect() as conn:
            return await judge(conn, folder, tiles, shelf)

    return judged


async def _judged(by: Judge, tiles: Sequence[Proven], at_once: int, tell: Callable[[int], None]) -> list[Part]:
    turn, done = asyncio.Semaphore(at_once), 0

    async def one(part: Sequence[Proven]) -> Part:
        nonlocal done
        async with turn:
            judged = await by(part)
        done += sum(proven.tile.width for proven in part)
        tell(done)
        return judged

    try:
        async with asyncio.TaskGroup() as group:
            works = [group.create_task(one(part)) for part in ranges(tiles)]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [work.result() for work in works]


def ranges(tiles: Sequence[Proven]) -> list[Sequence[Proven]]:
    """What is judged at once; a log that has grown has the same ranges, and more after them."""
    return [tiles[at : at + PART_TILES] for at in range(0, len(tiles), PART_TILES)]


def _unlike(signed: Sequence[Checkpoint], outside: Sequence[Checkpoint]) -> list[Finding]:
    """What was published and is not in the database any more, or otherwise."""
    ours = {checkpoint.size: checkpoint for checkpoint in signed}
    text = "a checkpoint kept outside is not the one in the database / titik periksa yang disimpan bukan yang ada di basis data"
    return [Finding(Kind.CHECKPOINT, kept.size, None, text) for kept in outside if ours.get(kept.size) != kept]


async def _begins_with(trust: Trust, base: Checkpoint, older: Checkpoint) -> list[Finding]:
    known = base.root if older.size == base.size else await trust.root_at(older.size)
    text = (
        f"the log of {base.size} leaves does not begin with the {older.size} that were signed: its history was rewritten"
        f" / log dengan {base.size} daun tidak diawali {older.size} yang ditandatangani: riwayatnya ditulis ulang"
    )
    return [] if known in (older.root, None) else [Finding(Kind.CHECKPOINT, older.size, None, text)]


async def _mislabelled(conn: AsyncConnection, key: NoteKey, spans: Mapping[str, Span]) -> list[Finding]:
    """Cold months that hold other leaves than were signed in that month."""
    findings = []
    for month, span in spans.items():
        known: Span | None = None
        with contextlib.suppress(LookupError):
            known = await span_of(conn, key.name, ContributionMonth.parse(month))
        if known != span:
            text = (
                f"the cold month {month} holds leaves {span.start} to {span.end - 1}, which are not those that were signed in it"
                f" / bulan dingin {month} memuat daun {span.start} sampai {span.end - 1}, bukan yang ditandatangani pada bulan itu"
            )
            findings.append(Finding(Kind.FILE, span.start, None, text))
    return findings


async def _after(conn: AsyncConnection, size: int, head: int) -> tuple[list[Stray], list[Stray]]:
    """Rows after the last checkpoint, and those at places that the log never gave away."""
    asked = sa.select(archive.c.place, _HASH, archive.c.event_id).where(archive.c.place >= size)
    found = [Stray(row.place, bytes(row.hash), str(row.event_id)) for row in await conn.execute(asked)]
    return [row for row in found if row.place < head], [row for row in found if row.place >= head]


async def _holes(conn: AsyncConnection, start: int, end: int) -> list[Finding]:
    """Places after the last checkpoint that were given away and are empty: the first of them one by one, and how many more. What the head counts
    may be a lie that no memory would hold."""
    if start >= end:
        return []
    inside = archive.c.place >= start, archive.c.place < end, archive.c.leaf.is_not(None)
    there = (await conn.execute(sa.select(sa.func.count()).select_from(archive).where(*inside))).scalar_one()
    asked = sa.text(
        "SELECT place FROM generate_series(CAST(:start AS bigint), CAST(:end AS bigint) - 1) AS place"
        " WHERE NOT EXISTS (SELECT FROM archive WHERE archive.place = place.place AND leaf IS NOT NULL) ORDER BY place LIMIT :most"
    )
    near = {"start": start, "end": min(end, start + there + MOST_HOLES), "most": MOST_HOLES}
    found = (await conn.execute(asked, near)).scalars().all()
    en, id_ = "archived after the last checkpoint, and gone", "diarsipkan sesudah titik periksa terakhir, lalu hilang"
    holes = [Finding(Kind.DELETED, place, None, f"{en} / {id_}") for place in found]
    if rest := end - start - there - len(found):
        more = f"{rest} more from here to place {end - 1}: {en} / {rest} lagi sampai tempat {end - 1}: {id_}"
        holes.append(Finding(Kind.DELETED, found[-1] + 1, None, more))
    return holes
