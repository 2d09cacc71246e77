"""Replay: state is a fold of the service's own event log and of nothing else, and this proves it.

The service's own projections run over its own events into the schema `shadow`, in short transactions; then every state table is compared, row by
row, with what stood live at the same log position (one read-only snapshot, so live traffic goes on). Encrypted columns are compared by their
decrypted values. Side effects are impossible by construction: a projection can only write rows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import eventlog
from chassis.privacy.keys import KeyRing
from chassis.privacy.sealing import EventSealer
from chassis.privacy.vault import Vault
from chassis.records import subjects_in
from chassis.service import Service
from chassis.transaction import Projection, Recorded

BATCH = 1_000
MOST_DIFFERENCES = 1_000

_EVENTS = sa.text(
    f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE position > :after ORDER BY position LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where live and replay disagree; values are never shown. `kind`: only_live, only_replay or differs."""

    table: str
    key: str
    column: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`rows`: compared rows per table."""

    events: int
    rows: dict[str, int]
    differences: list[Difference]

    @property
    def equal(self) -> bool:
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "equal": self.equal}


async def replay(
    service: Service,
    engine: AsyncEngine,
    vault: Vault,
    keys: KeyRing,
    *,
    progress: Callable[[int], None] = lambda events: None,
) -> Outcome:
    """Rebuilds the state of `service` and compares. Raises Unavailable when a person's key cannot be had now."""
    async with engine.connect() as snapshot:
        await snapshot.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        total = (await snapshot.execute(sa.text("SELECT count(*) FROM event_log"))).scalar_one()
        await _empty_shadow(engine, service.tables)
        project = service.projection(vault)
        done = 0
        async for events in _read(service, snapshot, keys):
            await _fill(engine, project, events)
            done += len(events)
            progress(done)
        rows: dict[str, int] = {}
        differences: list[Difference] = []
        for table in service.tables:
            rows[table.name], found = await _compare(engine, snapshot, table, service, vault)
            differences += found
        return Outcome(total, rows, differences[:MOST_DIFFERENCES])


async def _empty_shadow(engine: AsyncEngine, tables: Sequence[sa.Table]) -> None:
    """Tables like the live ones, with their primary keys only: indexes that span keys would depend on the order of filling."""
    async with engine.begin() as conn:  # lint: commit — the shadow is scratch space
        for table in tables:
            key = ", ".join(f'"{c.name}"' for c in table.primary_key)
            await conn.exec_driver_sql(f'DROP TABLE IF EXISTS shadow."{table.name}"')
            await conn.exec_driver_sql(f'CREATE TABLE shadow."{table.name}" (LIKE public."{table.name}")')
            await conn.exec_driver_sql(f'ALTER TABLE shadow."{table.name}" ADD PRIMARY KEY ({key})')


async def _read(service: Service, snapshot: AsyncConnection, keys: KeyRing) -> AsyncIterator[list[Recorded]]:
    after = 0
    while True:
        found = (await snapshot.execute(_EVENTS, {"after": after, "limit": BATCH})).all()
        if not found:
            return
        await keys.fetch(subjects_in(bytes(row.payload) for row in found))
        yield [_recorded(service, row, keys) for row in found]
        after = found[-1].position


def _recorded(service: Service, row: sa.Row[Any], keys: KeyRing) -> Recorded:
    envelope = eventlog.envelope_of(row, service.name)
    sealer = EventSealer(envelope.event_id, keys.cache)
    return Recorded(envelope, service.catalogue.decode(envelope.type, envelope.version, bytes(row.payload), sealer))


async def _fill(engine: AsyncEngine, project: Projection, events: Sequence[Recorded]) -> None:
    async with engine.begin() as conn:  # lint: commit — the shadow is scratch space
        await conn.exec_driver_sql("SET LOCAL search_path TO shadow")
        await project(conn, events)


async def _compare(
    engine: AsyncEngine, snapshot: AsyncConnection, table: sa.Table, service: Service, vault: Vault
) -> tuple[int, list[Difference]]:
    async with engine.connect() as conn:
        await conn.exec_driver_sql("SET LOCAL search_path TO shadow")
        rebuilt = {_key(table, row): row for row in (await conn.execute(sa.select(table))).all()}
    live = {_key(table, row): row for row in (await snapshot.execute(sa.select(table))).all()}
    sealed = frozenset(service.personal.get(table.name, ()))
    differences = [Difference(table.name, key, None, "only_live") for key in live.keys() - rebuilt.keys()]
    differences += [Difference(table.name, key, None, "only_replay") for key in rebuilt.keys() - live.keys()]
    for key in live.keys() & rebuilt.keys():
        differences += [
            Difference(table.name, key, column.name, "differs")
            for column, one, other in zip(table.columns, live[key], rebuilt[key], strict=True)
            if one != other and not (column.name in sealed and _same(vault, table.name, column.name, key, one, other))
        ]
    return len(live), sorted(differences, key=lambda d: (d.key, d.column or ""))


def _same(vault: Vault, table: str, column: str, key: str, one: bytes | None, other: bytes | None) -> bool:
    return vault.open(table, column, key, one) == vault.open(table, column, key, other)


def _key(table: sa.Table, row: sa.Row[Any]) -> str:
    return ":".join(str(row._mapping[c.name]) for c in table.primary_key)
