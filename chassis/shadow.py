"""State built anew in the schema `shadow`, by the service's own projections, in short transactions.

Side effects are impossible by construction: a projection can only write rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict
from typing import NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import faults, sofar
from chassis.comparing import Difference
from chassis.database import is_outage, steady
from chassis.eventlog import Stored
from chassis.privacy.keys import KeyRing
from chassis.privacy.sealing import EventSealer
from chassis.privacy.vault import Vault
from chassis.records import subjects_in
from chassis.service import Service
from chassis.sofar import Part, SoFar
from chassis.transaction import Recorded
from contracts.envelope import Envelope
from contracts.event import InvalidPayload, UnknownType, UnknownVersion

T = TypeVar("T")

NOT_FOLDED = "not_folded"
_FIRST = "{}, as first built"
_COLUMNS = """ARRAY(SELECT format('%s %s %s %s', attname, format_type(atttypid, atttypmod), attcollation, attnotnull) FROM pg_attribute
    WHERE attrelid = {0}.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum)"""
_KEY = "(SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = {0}.oid AND contype = 'p')"
_FIT = sa.text(
    f"""SELECT there.relname FROM pg_class there JOIN pg_class live USING (relname)
    WHERE there.relnamespace = 'shadow'::regnamespace AND live.relnamespace = 'public'::regnamespace
      AND there.relkind = 'r' AND pg_relation_size(there.oid) = 0
      AND {_COLUMNS.format("there")} = {_COLUMNS.format("live")} AND {_KEY.format("there")} = {_KEY.format("live")}"""
)


class _Decoded(NamedTuple):
    """`refused`: events that are none of ours by now."""

    events: list[Recorded]
    refused: list[Difference]
    part: Part


class Shadow:
    """One at a time in a database (see `replay`). `events`: folded so far; `refused`: those that no projection could take, of any kind."""

    def __init__(self, service: Service, engine: AsyncEngine, vault: Vault, keys: KeyRing) -> None:
        self._service, self._engine, self._keys = service, engine, keys
        self._project, self._code = service.projection(vault), sofar.code_of(service)
        self._resumable = False
        self.events = 0
        self.refused: list[Difference] = []

    async def build(
        self,
        source: AsyncIterator[Part],
        progress: Callable[[int], None],
        *,
        onto: SoFar | None = None,
        resumable: bool = False,
    ) -> None:
        """Empties it, unless it goes on from what was kept (`so_far`); then folds every event of the source, in its order. `resumable`: how far
        it came is kept. Raises what the source raises, the database's outages, and Unavailable when a person's key cannot be had now.
        """
        self._resumable = resumable
        if onto is None:
            self.events, self.refused = 0, []
            await self._empty()
        async with aclosing(ahead(self._read(source))) as batches:
            async for batch in batches:
                await self._fill(batch)
                progress(self.events)
                faults.point("Y1")

    async def so_far(self) -> SoFar | None:
        """What an interrupted replay of the same code had come to; the shadow is as it was then."""
        async with self._engine.connect() as conn:
            found = await sofar.found(conn, self._code)
        if found is not None:
            self.events = found.folded["events"]
            self.refused = [Difference(**one) for one in found.folded["refused"]]
        return found

    async def done(self) -> None:
        """Nothing is to go on from here: the next replay begins anew."""
        async with self._engine.begin() as conn:  # lint: commit — the shadow is scratch space
            await sofar.begin(conn)

    async def _read(self, source: AsyncIterator[Part]) -> AsyncIterator[_Decoded]:
        async for part in source:
            await self._keys.fetch(subjects_in(one.payload for one in part.events))
            read = [self._decoded(one) for one in part.events]
            yield _Decoded(
                [one for one in read if isinstance(one, Recorded)],
                [one for one in read if isinstance(one, Difference)],
                part,
            )

    async def set_aside(self) -> list[sa.Table]:
        """Keeps what was built beside what is built next; gives its tables, on a connection of `read`."""
        kept = [table.to_metadata(sa.MetaData(), name=_FIRST.format(table.name)) for table in self._service.tables]
        await self._run(
            f'DROP TABLE IF EXISTS shadow."{to.name}"; ALTER TABLE shadow."{table.name}" RENAME TO "{to.name}";'
            for table, to in zip(self._service.tables, kept, strict=True)
        )
        return kept

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Names of tables mean those of the shadow on it."""
        async with self._engine.connect() as conn:
            await steady(conn)
            await conn.exec_driver_sql("SET LOCAL search_path TO shadow")
            yield conn

    async def _empty(self) -> None:
        """Tables like the live ones, with their primary keys only: indexes that span keys would depend on the order of filling. Those that an
        earlier replay made so and did not fill, most of them in a young database, are left.

        The mark goes first: nothing may be gone on from where the tables are already empty.
        """
        await self.done()
        async with self._engine.connect() as conn:
            fit = {*(await conn.execute(_FIT)).scalars()}
        await self._run(
            f"""DROP TABLE IF EXISTS shadow."{table.name}";
            CREATE UNLOGGED TABLE shadow."{table.name}" (LIKE public."{table.name}", PRIMARY KEY ({_columns(table)}));"""
            for table in self._service.tables
            if table.name not in fit
        )

    async def _run(self, statements: Iterable[str]) -> None:
        async with self._engine.begin() as conn:  # lint: commit — the shadow is scratch space
            await conn.exec_driver_sql(f"DO $$ BEGIN {' '.join(statements)} END $$")

    def _decoded(self, stored: Stored) -> Recorded | Difference:
        envelope = stored.envelope
        sealer = EventSealer(envelope.event_id, self._keys.cache)
        try:
            event = self._service.catalogue.decode(envelope.type, envelope.version, stored.payload, sealer)
        except (InvalidPayload, UnknownType, UnknownVersion):
            return _not_folded(envelope)
        return Recorded(envelope, event)

    async def _fill(self, batch: _Decoded) -> None:
        """All at once; when that fails each alone, so that the one is named at which it fails. With the mark, or not at all."""
        self.events += len(batch.part.events)
        self.refused += batch.refused
        try:
            async with self._folding(batch.part) as conn:
                await self._project(conn, batch.events)
        except Exception as error:
            if is_outage(error):
                raise
            async with self._folding(batch.part) as conn:
                for event in batch.events:
                    await self._fold_alone(conn, event)

    @asynccontextmanager
    async def _folding(self, part: Part) -> AsyncIterator[AsyncConnection]:
        async with self._engine.begin() as conn:  # lint: commit — the shadow is scratch space
            await conn.exec_driver_sql("SET LOCAL search_path TO shadow")
            yield conn
            if self._resumable and part.mark is not None:
                folded = {"events": self.events, "refused": [asdict(one) for one in self.refused]}
                await sofar.keep(conn, self._code, part.given, part.mark, folded)

    async def _fold_alone(self, conn: AsyncConnection, event: Recorded) -> None:
        try:
            async with conn.begin_nested():  # lint: commit — the shadow is scratch space
                await self._project(conn, [event])
        except Exception as error:
            if is_outage(error):
                raise
            self.refused.append(_not_folded(event.envelope))  # settles: it is named


def _not_folded(envelope: Envelope) -> Difference:
    return Difference("event_log", str(envelope.event_id), None, NOT_FOLDED)


async def ahead(source: AsyncIterator[T]) -> AsyncGenerator[T, None]:
    """The same, each read while the one before it is worked on. Raises what the source raises, after what came before it."""

    async def following() -> T | None:
        return await anext(source, None)

    coming = asyncio.create_task(following())
    try:
        while (one := await coming) is not None:
            coming = asyncio.create_task(following())
            yield one
    finally:
        coming.cancel()
        await asyncio.wait([coming])


def _columns(table: sa.Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.primary_key)
