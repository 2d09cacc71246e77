"""The log as it stands: how long, under which last checkpoint, and its leaves."""

from __future__ import annotations

import base64
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.audit.domain.checkpoints import Checkpoint
from services.audit.domain.merkle import leaf_hash
from services.audit.tables import archive, checkpoints, log_head


async def size_of(conn: AsyncConnection) -> int:
    """Leaves that are durable."""
    return int((await conn.execute(sa.select(log_head.c.size))).scalar_one_or_none() or 0)


async def last_checkpoint(conn: AsyncConnection, origin: str) -> Checkpoint | None:
    """The newest of this log; None before the first."""
    asked = sa.select(checkpoints).where(checkpoints.c.log == origin).order_by(checkpoints.c.size.desc()).limit(1)
    row = (await conn.execute(asked)).one_or_none()
    return None if row is None else checkpoint_of(row)


async def news_since(conn: AsyncConnection, size: int) -> bool:
    """Whether something but audit's own events was archived after so many leaves."""
    asked = sa.select(sa.exists().where(archive.c.place >= size, archive.c.source != "audit"))
    return bool((await conn.execute(asked)).scalar_one())


async def leaves(conn: AsyncConnection, start: int, end: int) -> list[bytes]:
    """The leaves of these places in their order. Raises LookupError when one is not there."""
    asked = sa.select(archive.c.leaf).where(archive.c.place >= start, archive.c.place < end).order_by(archive.c.place)
    found = [bytes(leaf) for leaf in (await conn.execute(asked)).scalars()]
    if len(found) != end - start:
        raise LookupError(f"the archive has {len(found)} of the {end - start} leaves from {start} on")
    return found


async def leaf_hashes(conn: AsyncConnection, start: int, end: int) -> list[bytes]:
    """The hashes of the leaves that stand at these places, in their order."""
    asked = sa.select(archive.c.leaf).where(archive.c.place >= start, archive.c.place < end).order_by(archive.c.place)
    return [leaf_hash(bytes(leaf)) for leaf in (await conn.execute(asked)).scalars()]


def checkpoint_of(row: Any) -> Checkpoint:
    """The checkpoint in a row of `checkpoints`."""
    return Checkpoint(row.log, row.size, base64.b64decode(row.root))


def path_of(row: Any) -> list[bytes]:
    """The hashes in a row of `checkpoints` that prove the one before."""
    return [base64.b64decode(hash_) for hash_ in row.path]
