"""State built anew in the schema `shadow`, by the service's own projections, in short transactions.

Side effects are impossible by construction: a projection can only write rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import faults
from chassis.comparing import Difference
from chassis.database import is_outage, steady
from chassis.eventlog import Stored
from chassis.privacy.keys import KeyRing
from chassis.privacy.sealing import EventSealer
from chassis.privacy.vault import Vault
from chassis.records import subjects_in
from chassis.service import Service
from chassis.transaction import Recorded
from contracts.envelope import Envelope
from contracts.event import InvalidPayload, UnknownType, UnknownVersion

NOT_FOLDED = "not_folded"
_FIRST = "{}, as first built"


class Shadow:
    """One at a time in a database (see `replay`). `events`: folded so far; `refused`: those that no projection could take, of any kind."""

    def __init__(self, service: Service, engine: AsyncEngine, vault: Vault, keys: KeyRing) -> None:
        self._service, self._engine, self._keys = service, engine, keys
        self._project = service.projection(vault)
        self.events = 0
        self.refused: list[Difference] = []

    async def build(self, source: AsyncIterator[Sequence[Stored]], progress: Callable[[int], None]) -> None:
        """Empties it, then folds every event of the source, in its order. Raises what the source raises, the database's outages, and
        Unavailable when a person's key cannot be had now.
        """
        self.events, self.refused = 0, []
        await self._empty()
        async for stored in source:
            await self._keys.fetch(subjects_in(one.payload for one in stored))
            await self._fill([event for one in stored if (event := self._decoded(one)) is not None])
            self.events += len(stored)
            progress(self.events)
            faults.point("Y1")

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
        """Tables like the live ones, with their primary keys only: indexes that span keys would depend on the order of filling."""
        await self._run(
            f"""DROP TABLE IF EXISTS shadow."{table.name}";
            CREATE TABLE shadow."{table.name}" (LIKE public."{table.name}", PRIMARY KEY ({_columns(table)}));"""
            for table in self._service.tables
        )

    async def _run(self, statements: Iterable[str]) -> None:
        async with self._engine.begin() as conn:  # lint: commit — the shadow is scratch space
            await conn.exec_driver_sql(f"DO $$ BEGIN {' '.join(statements)} END $$")

    def _decoded(self, stored: Stored) -> Recorded | None:
        envelope = stored.envelope
        sealer = EventSealer(envelope.event_id, self._keys.cache)
        try:
            event = self._service.catalogue.decode(envelope.type, envelope.version, stored.payload, sealer)
        except (InvalidPayload, UnknownType, UnknownVersion):
            self._refuse(stored.envelope)
            return None
        return Recorded(envelope, event)

    async def _fill(self, events: Sequence[Recorded]) -> None:
        """All at once; when that fails each alone, so that the one is named at which it fails."""
        try:
            async with self._engine.begin() as conn:  # lint: commit — the shadow is scratch space
                await conn.exec_driver_sql("SET LOCAL search_path TO shadow")
                await self._project(conn, events)
        except Exception as error:
            if is_outage(error):
                raise
            if len(events) == 1:
                self._refuse(events[0].envelope)  # settles: it is named
                return
            for event in events:
                await self._fill([event])

    def _refuse(self, envelope: Envelope) -> None:
        self.refused.append(Difference("event_log", str(envelope.event_id), None, NOT_FOLDED))


def _columns(table: sa.Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.primary_key)
