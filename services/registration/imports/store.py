"""The plumbing of imports: files, leases, positions and results. Nothing here is state, and nothing is replayed.

A worker holds an import by a lease with a token. The position moves in the transaction of the chunk, and only for the
token that holds the
lease, so of two workers that believe they hold it one writes and the other finds its rows done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.problems import Rejected, render
from chassis.transaction import Meta
from services.registration.imports.uploader import Uploader
from services.registration.tables import import_parts, import_results, imports

QUEUED, RUNNING, DONE, REFUSED = "QUEUED", "RUNNING", "DONE", "REFUSED"


@dataclass(frozen=True, slots=True)
class Stored:
    """A file about to be stored."""

    import_id: UUID
    content_hash: bytes
    form: str
    boxes: Sequence[bytes]
    rows: int


@dataclass(frozen=True, slots=True)
class Lease:
    """An import this worker may work on."""

    import_id: UUID
    token: UUID
    form: str
    uploader: Uploader
    line: int
    meta: Meta


@dataclass(frozen=True, slots=True)
class Standing:
    """What a chunk must know: where the import stands, and on which lines of the file its NIKs were accepted."""

    line: int
    doubles: Mapping[str, int]


async def known(conn: AsyncConnection, uploads: Iterable[tuple[str, bytes]]) -> dict[tuple[str, bytes], UUID]:
    """Imports of the same bytes by the same actor."""
    pairs = list(uploads)
    query = sa.select(imports.c.import_id, imports.c.actor, imports.c.content_hash).where(
        rows.matching(imports.c.actor, [actor for actor, _ in pairs]),
        rows.matching(imports.c.content_hash, [content for _, content in pairs]),
    )
    return {(row.actor, bytes(row.content_hash)): row.import_id for row in await conn.execute(query)}


async def store(
    conn: AsyncConnection, stored: Stored, uploader: Uploader, branch_id: UUID, meta: Meta, wall: datetime
) -> None:
    """Writes file and import. Raises IntegrityError when another upload of the same bytes won."""
    row: dict[str, Any] = {
        "import_id": stored.import_id,
        "actor": uploader.actor,
        "content_hash": stored.content_hash,
        "form": stored.form,
        "uploader": uploader.model_dump(mode="json"),
        "branch_id": branch_id,
        "wadah_id": uploader.wadah_id,
        "agent_id": uploader.agent_id,
        "correlation_id": meta.correlation_id,
        "traceparent": meta.traceparent,
        "status": QUEUED,
        "rows": stored.rows,
        "line": 0,
        "accepted": 0,
        "refused": 0,
        "blank": None,
        "fault": None,
        "uploaded_at": wall,
    }
    await rows.insert(conn, imports, [row])
    parts = [{"import_id": stored.import_id, "number": number, "box": box} for number, box in enumerate(stored.boxes)]
    await rows.insert(conn, import_parts, parts)


async def claim(conn: AsyncConnection, *, token: UUID, now: datetime, until: datetime) -> Lease | None:
    """Takes the oldest import that is open and free, until `until` (wall time)."""
    free = (
        sa.select(imports.c.import_id)
        .where(imports.c.finished_at.is_(None), sa.or_(imports.c.lease_until.is_(None), imports.c.lease_until < now))
        .order_by(imports.c.import_id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taking = (
        sa.update(imports)
        .where(imports.c.import_id == free)
        .values(lease_token=token, lease_until=until, status=RUNNING)
        .returning(*imports.c)
    )
    row = (await conn.execute(taking)).one_or_none()
    if row is None:
        return None
    uploader = Uploader.model_validate(row.uploader)
    meta = Meta(actor=row.actor, correlation_id=row.correlation_id, traceparent=row.traceparent)
    return Lease(row.import_id, token, row.form, uploader, row.line, meta)


async def boxes_of(conn: AsyncConnection, import_id: UUID) -> list[bytes]:
    query = sa.select(import_parts.c.box).where(import_parts.c.import_id == import_id).order_by(import_parts.c.number)
    return [bytes(box) for box in (await conn.execute(query)).scalars()]


async def standing(conn: AsyncConnection, lease: Lease, nik_hashes: Iterable[str]) -> Standing | None:
    """None when the lease is lost. One statement."""
    query = (
        sa.select(imports.c.line, import_results.c.nik_hash, import_results.c.line.label("accepted_on"))
        .outerjoin(
            import_results,
            sa.and_(
                import_results.c.import_id == imports.c.import_id,
                rows.matching(import_results.c.nik_hash, nik_hashes),
            ),
        )
        .where(imports.c.import_id == lease.import_id, imports.c.lease_token == lease.token)
    )
    found = (await conn.execute(query)).all()
    if not found:
        return None
    return Standing(found[0].line, {row.nik_hash: row.accepted_on for row in found if row.nik_hash is not None})


async def write_results(
    conn: AsyncConnection, lease: Lease, results: Sequence[Mapping[str, Any]], *, until: datetime
) -> None:
    """Results of consecutive rows, the new position, and the lease prolonged."""
    await rows.insert(conn, import_results, [{"import_id": lease.import_id, **result} for result in results])
    accepted = sum(result["outcome"] == "accepted" for result in results)
    moving = (
        sa.update(imports)
        .where(imports.c.import_id == lease.import_id)
        .values(
            line=results[-1]["line"],
            accepted=imports.c.accepted + accepted,
            refused=imports.c.refused + (len(results) - accepted),
            lease_until=until,
        )
    )
    await conn.execute(moving)


async def finish(conn: AsyncConnection, lease: Lease, *, blank: int, now: datetime) -> None:
    """Every row has its result: the file itself is no longer needed and goes."""
    rows_ = imports.c.accepted + imports.c.refused
    await _end(conn, lease, now, {"status": DONE, "rows": rows_, "blank": blank})


async def refuse(conn: AsyncConnection, lease: Lease, rejected: Rejected, *, now: datetime) -> None:
    """The file turned out to be unusable as a whole."""
    await _end(conn, lease, now, {"status": REFUSED, "fault": render(rejected)})


async def _end(conn: AsyncConnection, lease: Lease, now: datetime, values: Mapping[str, Any]) -> None:
    ending = (
        sa.update(imports)
        .where(imports.c.import_id == lease.import_id, imports.c.lease_token == lease.token)
        .values(finished_at=now, lease_token=None, lease_until=None, **values)
    )
    if (await conn.execute(ending)).rowcount:
        await conn.execute(sa.delete(import_parts).where(import_parts.c.import_id == lease.import_id))


async def release(conn: AsyncConnection, lease: Lease) -> None:
    """Lets another worker go on at once."""
    await conn.execute(
        sa.update(imports)
        .where(imports.c.import_id == lease.import_id, imports.c.lease_token == lease.token)
        .values(lease_token=None, lease_until=None)
    )
