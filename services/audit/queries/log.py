"""The log as it stands: how long, under which last checkpoint, and its leaves."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.audit.domain.base64text import to_bytes
from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.merkle import leaf_hash
from services.audit.tables import archive, checkpoints, log_head


async def size_of(conn: AsyncConnection) -> int:
    """Leaves that are durable."""
    return int((await conn.execute(sa.select(log_head.c.size))).scalar_one_or_none() or 0)


async def newest(conn: AsyncConnection, log: str) -> Any:
    """The row of this log's newest checkpoint; None before the first."""
    asked = sa.select(checkpoints).where(checkpoints.c.log == log).order_by(checkpoints.c.size.desc()).limit(1)
    return (await conn.execute(asked)).one_or_none()


async def news_since(conn: AsyncConnection, size: int) -> bool:
    """Whether something but audit's own events was archived after so many leaves."""
    asked = sa.select(sa.exists().where(archive.c.place >= size, archive.c.source != "audit"))
    return bool((await conn.execute(asked)).scalar_one())


async def leaf_hashes(conn: AsyncConnection, start: int, end: int) -> list[bytes]:
    """The hashes of the leaves of these places in their order. Raises LookupError when one is not there."""
    inside = archive.c.place >= start, archive.c.place < end, archive.c.leaf.is_not(None)
    asked = sa.select(archive.c.leaf).where(*inside).order_by(archive.c.place)
    found = [leaf_hash(bytes(leaf)) for leaf in (await conn.execute(asked)).scalars()]
    if len(found) != end - start:
        raise LookupError(f"the archive has {len(found)} of the {end - start} leaves from {start} on")
    return found


def checkpoint_of(row: Any) -> Checkpoint:
    """The checkpoint in a row of `checkpoints`."""
    return Checkpoint(row.log, row.size, to_bytes(row.root))


def path_of(row: Any) -> list[bytes]:
    """The hashes in a row of `checkpoints` that prove the one before."""
    return [to_bytes(hash_) for hash_ in row.path]
