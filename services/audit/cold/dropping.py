"""Takes the leaves of a cold month out of the database: what was said leaves, what finds it stays.

No role of the service may do this, only the owner of the database, by hand. Each leaf goes only where it is byte for byte the one that the files
have, and those are verified first; ids, coordinates and the tree stay, so an event that comes again is known, and a hole is still a hole.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import faults
from services.audit.cold.engine import opened
from services.audit.cold.judging import judge_month
from services.audit.cold.shelf import Cold
from services.audit.domain.manifests import BadManifest, Manifest
from services.audit.domain.merkle import Span
from services.audit.domain.notes import NoteKey
from services.audit.queries.months import checkpoint_at, span_of

Tell = Callable[[int, int], None]
_STEP = 8_192
_LEFT = sa.text(
    "UPDATE archive SET leaf = NULL FROM unnest(CAST(:places AS bigint[]), CAST(:hashes AS bytea[])) AS proved(place, hash)"
    " WHERE archive.place = proved.place AND leaf IS NOT NULL AND sha256('\\x00'::bytea || leaf) = hash"
)
_STILL = sa.text("SELECT min(place) FROM archive WHERE place = ANY(CAST(:places AS bigint[])) AND leaf IS NOT NULL")
_VACUUM = sa.text("VACUUM (ANALYZE) archive")


class NotDropped(Exception):
    """Nothing more is taken out; one sentence. What went before is in the files."""


async def drop(
    owner: AsyncEngine, key: NoteKey, cold: Cold, *, tell: Tell = lambda done, of: None
) -> tuple[Manifest, int]:
    """The month, and how many leaves left now; again is harmless. Raises NotDropped, the database's errors."""
    manifest = await _verified(owner, key, cold)
    gone = 0
    with contextlib.closing(opened()) as files:
        for start, end, file in _sets(cold, manifest):
            asked = "SELECT place, leaf_hash FROM read_parquet(?) WHERE place >= ? AND place < ? ORDER BY place"
            found = files.execute(asked, [str(file), start, end]).fetchall()
            async with owner.begin() as conn:  # lint: commit — what left is in the files: a set is as good as all
                gone += await _left(conn, found)
                faults.point("A9")
            faults.point("A10")
            tell(end - manifest.start, manifest.end - manifest.start)
    async with owner.connect() as conn:
        await conn.execution_options(isolation_level="AUTOCOMMIT")
        await conn.execute(_VACUUM)
    return manifest, gone


def _sets(cold: Cold, manifest: Manifest) -> Iterator[tuple[int, int, Path]]:
    """Leaves of one transaction: from, up to, and their file."""
    for part in manifest.parts:
        for start in range(part.start, part.end, _STEP):
            yield start, min(start + _STEP, part.end), cold.folder / part.name


async def _verified(owner: AsyncEngine, key: NoteKey, cold: Cold) -> Manifest:
    """The month as the files have it and the log signed it."""
    try:
        manifest = cold.manifest()
    except (BadManifest, OSError) as error:
        raise NotDropped(f"{cold.folder} is no cold month: {error}") from None
    if findings := judge_month(cold, key).findings:
        raise NotDropped(f"its files are not what was signed ({len(findings)} findings, first: {findings[0].detail})")
    async with owner.connect() as conn:
        try:
            span = await span_of(conn, key.name, manifest.month)
        except LookupError as error:
            raise NotDropped(str(error)) from None
        if span != Span(manifest.start, manifest.end):
            raise NotDropped(f"its files hold other leaves than {span.start} to {span.end - 1}")
        if (await checkpoint_at(conn, key.name, span.end)).note != manifest.checkpoint:
            raise NotDropped("its checkpoint is not the one in the database")
    return manifest


async def _left(conn: AsyncConnection, found: list[tuple[int, bytes]]) -> int:
    places, hashes = [place for place, _ in found], [bytes(hash_) for _, hash_ in found]
    gone = (await conn.execute(_LEFT, {"places": places, "hashes": hashes})).rowcount
    still = (await conn.execute(_STILL, {"places": places})).scalar_one_or_none()
    if still is not None:
        raise NotDropped(f"the event of place {still} in the database is not the one in the files: verify the archive")
    return gone
