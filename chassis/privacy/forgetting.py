"""Forgetting a person in one service: the key, where keys are kept, goes in the transaction that says so; the cache of this process follows its
commit, and dead letters that hold something of the person are made unreadable after it (`chassis.deadletters`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import faults, rows
from chassis.privacy.keys import KeyRing
from chassis.tables import forgotten, person_keys
from chassis.transaction import Tx


class Forgetting:
    """One per process. `happened` is set after each commit: what waits for it need not wait for its next look."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self.happened = asyncio.Event()

    def __call__(self, tx: Tx, subjects: Collection[UUID]) -> None:
        """In the transaction of `tx`, which clears the copies. Nobody is forgotten twice; one who was stays so."""
        if not subjects:
            return
        gone = sorted(set(subjects))
        tx.defer(lambda conn: forget(conn, gone, tx.wall))
        tx.after_commit(lambda: self._forgotten(gone))

    def _forgotten(self, gone: Collection[UUID]) -> None:
        faults.point("E2")
        self._ring.cache.update(dict.fromkeys(gone))
        self.happened.set()


async def forget(conn: AsyncConnection, gone: Collection[UUID], at: datetime) -> None:
    """Destroys the keys that are kept here, and notes that dead letters are to be searched."""
    await conn.execute(
        sa.update(person_keys).where(rows.matching(person_keys.c.subject, gone)).values(wrapped=sa.null())
    )
    noted = [{"subject": subject, "forgotten_at": at, "letters_searched_at": None} for subject in sorted(gone)]
    await rows.keep(conn, forgotten, noted)
