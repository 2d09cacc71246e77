"""Works off uploaded files, one at a time per process: claim, read on from the position, register chunk by chunk,
finish.

A crash at any point leaves a position with its results; after the lease ran out the next worker goes on from there.
Reading a file is plain
computing, so it runs in a thread and leaves the event loop to the neighbours.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import faults
from chassis.batches import Batches, Broken
from chassis.clock import Clock
from chassis.ids import new_id
from chassis.privacy.boxes import FileBoxes, UnreadableFile
from chassis.privacy.vault import Vault
from chassis.problems import Rejected
from chassis.telemetry import log
from services.registration.commands.registering import Registering
from services.registration.imports import store
from services.registration.imports.chunk import ImportingRows, Skipped, Written
from services.registration.imports.files import opened
from services.registration.imports.problems import FILE_UNREADABLE, ROW_FAILED
from services.registration.imports.rows import Row, refusal, row_of
from services.registration.imports.store import Lease
from services.registration.imports.table import Table, TableRefused
from services.registration.metrics import IMPORT_DONE, IMPORT_LEASE_LOST, IMPORT_REFUSED

IDLE_S = 0.25


class LeaseLost(Exception):
    """Another worker goes on with this import."""


@dataclass(frozen=True, slots=True)
class Limits:
    chunk: int
    lease_for: timedelta


class ImportWorker:
    def __init__(
        self,
        engine: AsyncEngine,
        batches: Batches,
        *,
        clock: Clock,
        vault: Vault,
        registering: Registering,
        boxes: FileBoxes,
        limits: Limits,
    ) -> None:
        self._engine, self._batches, self._clock = engine, batches, clock
        self._vault, self._registering, self._boxes, self._limits = vault, registering, boxes, limits

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`; a chunk in hand is finished and the rest left to the next worker."""
        while not stop.is_set():
            if not await self.work(stop):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), IDLE_S)

    async def work(self, stop: asyncio.Event) -> bool:
        """Works on one import as far as it gets; False when none is waiting."""
        lease = await self._claim()
        if lease is None:
            return False
        faults.point("M1")
        try:
            rows = _Rows(lease, await asyncio.to_thread(self._table, lease, await self._stored(lease)))
            if await self._chunks(lease, rows, stop):
                faults.point("M4")
                await self._finish(lease, rows.blank)
            else:
                await self._release(lease)
        except TableRefused as refused:
            await self._refuse(lease, refused.rejected)
        except UnreadableFile:
            await self._refuse(lease, Rejected(FILE_UNREADABLE))
        except LeaseLost:
            log.warning(IMPORT_LEASE_LOST, import_id=str(lease.import_id))
            await self._release(lease)  # if it is ours after all, an earlier holder's last chunk came in between
        return True

    async def _chunks(self, lease: Lease, rows: _Rows, stop: asyncio.Event) -> bool:
        """True when every row has its result, False when stopped before."""
        importing = ImportingRows(self._vault, self._registering, lease, lease_for=self._limits.lease_for)
        ahead = self._ahead(rows)
        try:
            while chunk := await ahead:
                ahead = self._ahead(rows)
                await self._write(importing, chunk)
                faults.point("M3")
                if stop.is_set():
                    return False
            return True
        finally:
            await asyncio.gather(ahead, return_exceptions=True)

    def _ahead(self, rows: _Rows) -> asyncio.Task[list[Row]]:
        """The next chunk, read while the database works on the one before it; never more than one."""
        return asyncio.create_task(asyncio.to_thread(rows.take, self._limits.chunk))

    async def _write(self, importing: ImportingRows, rows: Sequence[Row]) -> None:
        """Until every row of the chunk has its result; a row that breaks alone is refused by itself."""
        while rows:
            outcomes = await self._batches.run(importing, rows)
            done = next((n for n, o in enumerate(outcomes) if not isinstance(o, Written)), len(rows))
            rows = rows[done:]
            if not rows:
                return
            match outcomes[done]:
                case Broken(error) if rows[0].refused is not None:
                    raise error
                case Broken():
                    rows = [replace(rows[0], form=None, refused=refusal(ROW_FAILED)), *rows[1:]]
                case Skipped():
                    raise LeaseLost

    def _table(self, lease: Lease, boxes: Sequence[bytes]) -> Table:
        """The table; before its first chunk read to the end once, so a file that breaks off refuses as a whole."""
        table = opened(self._boxes.open(lease.import_id, boxes), lease.form)
        if lease.line == 0:
            deque(table.lines(), maxlen=0)
        return table

    async def _claim(self) -> Lease | None:
        now = self._clock.wall()
        async with self._engine.begin() as conn:  # lint: commit — plumbing: a lease is visible before the work begins
            return await store.claim(conn, token=new_id(), now=now, until=now + self._limits.lease_for)

    async def _stored(self, lease: Lease) -> list[bytes]:
        async with self._engine.connect() as conn:
            return await store.boxes_of(conn, lease.import_id)

    async def _finish(self, lease: Lease, blank: int) -> None:
        async with self._engine.begin() as conn:  # lint: commit — plumbing: every row has its durable result by now
            await store.finish(conn, lease, blank=blank, now=self._clock.wall())
        log.info(IMPORT_DONE, import_id=str(lease.import_id))

    async def _refuse(self, lease: Lease, rejected: Rejected) -> None:
        async with self._engine.begin() as conn:  # lint: commit — plumbing: nobody else needs to try this file
            await store.refuse(conn, lease, rejected, now=self._clock.wall())
        log.error(IMPORT_REFUSED, import_id=str(lease.import_id), code=rejected.problem.code)

    async def _release(self, lease: Lease) -> None:
        async with self._engine.begin() as conn:  # lint: commit — plumbing: the lease
            await store.release(conn, lease)


class _Rows:
    """The rows of a table from the import's position on, each knowing the line with a row before it."""

    def __init__(self, lease: Lease, table: Table) -> None:
        self.blank = 0
        """Blank lines met so far, from the top of the file."""
        self._rows = self._from(table, lease.line)

    def take(self, count: int) -> list[Row]:
        return list(islice(self._rows, count))

    def _from(self, table: Table, position: int) -> Iterator[Row]:
        previous = position
        for line in table.lines():
            if line is None:
                self.blank += 1
            elif line.number > position:
                yield row_of(line, previous)
                previous = line.number
