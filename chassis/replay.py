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

from chassis import eventlog, faults
from chassis.privacy.keys import KeyRing
from chassis.privacy.sealing import EventSealer
from chassis.privacy.vault import UnreadableCell, Vault
from chassis.records import subjects_in
from chassis.service import Service
from chassis.transaction import Projection, Recorded

BATCH = 1_000
MOST_DIFFERENCES = 1_000
_LOCK = 7_215_002  # one replay of a database at a time: there is one shadow
# A read-only snapshot has no transaction id, so no relay waits for it; a writer role's time limits are not meant for it.
_UNLIMITED = sa.text("SELECT set_config(name, '0', true) FROM unnest(CAST(:names AS text[])) AS name")
_LIMITS = ["transaction_timeout", "idle_in_transaction_session_timeout", "statement_timeout"]

_EVENTS = sa.text(
    f"SELECT position, {eventlog.ENVELOPE_COLUMNS} FROM event_log WHERE position > :after ORDER BY position LIMIT :limit"
)


class ReplayRunning(Exception):
    """Another replay of this database is under way: wait for it to end."""


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
    """Rebuilds the state of `service` and compares. Raises ReplayRunning, or Unavailable when a person's key cannot be had now."""
    async with engine.connect() as snapshot:
        await snapshot.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        await snapshot.execute(_UNLIMITED, {"names": _LIMITS})
        if not (await snapshot.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK)))).scalar_one():
            raise ReplayRunning("another replay of this database is running")
        total = (await snapshot.execute(sa.text("SELECT count(*) FROM event_log"))).scalar_one()
        await _empty_shadow(engine, service.tables)
        project = service.projection(vault)
        done = 0
        async for events in _read(service, snapshot, keys):
            await _fill(engine, project, events)
            done += len(events)
            progress(done)
            faults.point("Y1")
        faults.point("Y2")
        rows: dict[str, int] = {}
        differences: list[Difference] = []
        async with engine.connect() as shadow:
            await shadow.execute(_UNLIMITED, {"names": _LIMITS})
            await shadow.exec_driver_sql("SET LOCAL search_path TO shadow")
            filled = {*await _filled(snapshot, service.tables), *await _filled(shadow, service.tables)}
            for table in service.tables:
                rows[table.name] = 0
                if table.name in filled:
                    rows[table.name], found = await _compare(shadow, snapshot, table, service, vault)
                    differences += found
        return Outcome(total, rows, differences[:MOST_DIFFERENCES])


async def _empty_shadow(engine: AsyncEngine, tables: Sequence[sa.Table]) -> None:
    """Tables like the live ones, with their primary keys only: indexes that span keys would depend on the order of filling."""
    made = " ".join(
        f"""DROP TABLE IF EXISTS shadow."{table.name}";
        CREATE TABLE shadow."{table.name}" (LIKE public."{table.name}", PRIMARY KEY ({_columns(table)}));"""
        for table in tables
    )
    async with engine.begin() as conn:  # lint: commit — the shadow is scratch space
        await conn.exec_driver_sql(f"DO $$ BEGIN {made} END $$")


def _columns(table: sa.Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.primary_key)


async def _filled(conn: AsyncConnection, tables: Sequence[sa.Table]) -> Sequence[str]:
    """Which of them hold any row where this connection looks."""
    asked = sa.union_all(*(sa.select(sa.literal(t.name)).where(sa.exists(sa.select(1).select_from(t))) for t in tables))
    return (await conn.execute(asked)).scalars().all()


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
    shadow: AsyncConnection, snapshot: AsyncConnection, table: sa.Table, service: Service, vault: Vault
) -> tuple[int, list[Difference]]:
    """Walks both sides in the order of the primary key, so neither is ever in memory as a whole."""
    sealed = frozenset(service.personal.get(table.name, ()))
    differences: list[Difference] = []
    count = 0
    async for live, rebuilt in _pairs(table, _rows(snapshot, table), _rows(shadow, table)):
        count += live is not None
        if len(differences) < MOST_DIFFERENCES:
            differences += _differences(table, live, rebuilt, sealed, vault)
    return count, sorted(differences, key=lambda d: (d.key, d.column or ""))


def _differences(
    table: sa.Table, live: sa.Row[Any] | None, rebuilt: sa.Row[Any] | None, sealed: frozenset[str], vault: Vault
) -> list[Difference]:
    if live is None or rebuilt is None:
        row, kind = (live, "only_live") if live is not None else (rebuilt, "only_replay")
        assert row is not None
        return [Difference(table.name, _key(table, row), None, kind)]
    key = _key(table, live)
    return [
        Difference(table.name, key, column.name, "differs")
        for column, one, other in zip(table.columns, live, rebuilt, strict=True)
        if one != other and not (column.name in sealed and _same(vault, table.name, column.name, key, one, other))
    ]


async def _rows(conn: AsyncConnection, table: sa.Table) -> AsyncIterator[sa.Row[Any]]:
    order = [sa.collate(c, "C") if isinstance(c.type, sa.String) else c for c in table.primary_key]
    async for row in await conn.stream(sa.select(table).order_by(*order).execution_options(yield_per=BATCH)):
        yield row


async def _pairs(
    table: sa.Table, live: AsyncIterator[sa.Row[Any]], rebuilt: AsyncIterator[sa.Row[Any]]
) -> AsyncIterator[tuple[sa.Row[Any] | None, sa.Row[Any] | None]]:
    """Rows of equal keys side by side; None where one side has none. Both come in the order of their keys."""

    def place(row: sa.Row[Any]) -> tuple[Any, ...]:
        return tuple(row._mapping[c.name] for c in table.primary_key)

    one, other = await anext(live, None), await anext(rebuilt, None)
    while one is not None or other is not None:
        if other is None or (one is not None and place(one) < place(other)):
            yield one, None
            one = await anext(live, None)
        elif one is None or place(other) < place(one):
            yield None, other
            other = await anext(rebuilt, None)
        else:
            yield one, other
            one, other = await anext(live, None), await anext(rebuilt, None)


def _same(vault: Vault, table: str, column: str, key: str, one: bytes | None, other: bytes | None) -> bool:
    try:
        return vault.open(table, column, key, one) == vault.open(table, column, key, other)
    except UnreadableCell:
        return False  # the rebuilt one was sealed just now: the live one was altered, moved, or is under another key


def _key(table: sa.Table, row: sa.Row[Any]) -> str:
    return ":".join(str(row._mapping[c.name]) for c in table.primary_key)
