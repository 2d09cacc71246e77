"""The worker that signs the log at intervals and writes its checkpoints outside the database."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import faults
from chassis.batches import Batches, Broken
from services.audit.commands.sign import Sign, Signed, Signing
from services.audit.domain.tiles import new_tiles
from services.audit.publishing import publish, published
from services.audit.queries.tree import held_tiles
from services.audit.tables import checkpoints

Read = Callable[[], AbstractAsyncContextManager[AsyncConnection]]


class Signer:
    """`every_s`: seconds between two looks. Several may run: one signs, the others find nothing new."""

    def __init__(
        self, batches: Batches, read: Read, signing: Signing, *, origin: str, folder: Path, every_s: float
    ) -> None:
        self._batches, self._read, self._signing = batches, read, signing
        self._origin, self._folder, self._every_s = origin, folder, every_s

    async def run(self, stop: asyncio.Event) -> None:
        """Until stopped. What was signed and not written when a process died is written by the next one."""
        while not stop.is_set():
            await self.publish()
            while (await self.sign()).more and not stop.is_set():
                pass
            await self.publish()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._every_s)

    async def sign(self) -> Signed:
        """One checkpoint over what is there, if there is anything to sign. Raises the database's errors."""
        (outcome,) = await self._batches.run(self._signing, [Sign(self._origin)])
        if isinstance(outcome, Broken):
            raise outcome.error
        faults.point("A5")
        return outcome

    async def publish(self) -> None:
        """Writes every checkpoint that is not in the folder yet. Raises OtherCheckpoint, OSError."""
        asked = (
            sa.select(checkpoints)
            .where(checkpoints.c.log == self._origin, checkpoints.c.size > published(self._folder))
            .order_by(checkpoints.c.size)
        )
        async with self._read() as conn:
            for row in (await conn.execute(asked)).all():
                grown = await held_tiles(conn, new_tiles(row.before, row.size))
                publish(self._folder, row.size, row.note, row.path, grown)
