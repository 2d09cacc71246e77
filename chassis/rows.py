"""Set-based SQL: any number of rows in one statement, compiled once per table.

New rows go in by COPY. Where a key may be taken, rows travel as arrays (`INSERT … SELECT FROM unnest(…)`), because `insert().values([...])`
is recompiled for every batch size and `executemany` costs a round trip per row. Rows are written in the order of the primary key, so two
batches never lock in opposite orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import copy

Row = Mapping[str, Any]
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


async def insert(conn: AsyncConnection, table: sa.Table, rows: Sequence[Row], *, order: Sequence[str] = ()) -> None:
    """Adds rows of new keys (each with every column of the first). Raises IntegrityError on a taken key."""
    if not rows:
        return
    columns = tuple(rows[0])
    cells = _cells(table, columns, _ordered(table, rows, order))
    await copy(conn, table.name, columns, zip(*cells.values(), strict=True))


async def keep(conn: AsyncConnection, table: sa.Table, rows: Sequence[Row]) -> int:
    """As `insert`, but what stands under a key stays; returns how many rows were new."""
    if not rows:
        return 0
    columns = tuple(rows[0])
    statement = _insert(table, columns, " ON CONFLICT DO NOTHING")
    return (await conn.execute(statement, _cells(table, columns, _ordered(table, rows)))).rowcount


async def upsert(conn: AsyncConnection, table: sa.Table, rows: Sequence[Row], *, order: Sequence[str] = ()) -> None:
    """Writes whole rows: new keys are inserted, known ones overwritten. The last of two rows of one key wins.

    `order` names the columns of a further unique index (NIK hash, say): rows are then written in its order.
    """
    if not rows:
        return
    columns = tuple(rows[0])
    latest = {tuple(row[c.name] for c in table.primary_key): row for row in rows}
    await conn.execute(_upsert(table, columns), _cells(table, columns, _ordered(table, list(latest.values()), order)))


async def add(conn: AsyncConnection, table: sa.Table, rows: Sequence[Row], *, columns: Sequence[str]) -> None:
    """As `upsert`, but the named number columns are added to what stands there. One row per key."""
    if not rows:
        return
    names = tuple(rows[0])
    await conn.execute(_add(table, names, tuple(columns)), _cells(table, names, _ordered(table, rows)))


async def delete(conn: AsyncConnection, table: sa.Table, keys: Sequence[Row]) -> int:
    """Deletes the rows whose columns equal those of `keys` (mappings of the same columns); returns how many."""
    if not keys:
        return 0
    columns = tuple(keys[0])
    result = await conn.execute(_delete(table, columns), _cells(table, columns, keys))
    return result.rowcount


def matching(column: sa.ColumnElement[Any], values: Iterable[Any]) -> sa.ColumnElement[bool]:
    """`column = ANY(:values)`: one cached statement for any number of values."""
    bound = sa.bindparam(None, list(values), type_=ARRAY(column.type), unique=True)
    return column == sa.func.any(bound)


def _ordered(table: sa.Table, rows: Sequence[Row], order: Sequence[str] = ()) -> Sequence[Row]:
    key = list(order) or [c.name for c in table.primary_key if c.name in rows[0]]
    return sorted(rows, key=lambda row: [_place(row[name]) for name in key])


def _place(value: object) -> int | str:
    """Where a value stands among those of its column."""
    return value.int if isinstance(value, UUID) else str(value)


def _cells(table: sa.Table, columns: tuple[str, ...], rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {
        name: [None if row[name] is None else to_json(row[name]).decode() for row in rows]
        if isinstance(table.c[name].type, JSONB)
        else [row[name] for row in rows]
        for name in columns
    }


@lru_cache(maxsize=512)
def _source(table: sa.Table, columns: tuple[str, ...]) -> str:
    arrays = ", ".join(f"CAST(:{name} AS {_type(table.c[name])}[])" for name in columns)
    return f"SELECT * FROM unnest({arrays}) AS input({_names(columns)})"


@lru_cache(maxsize=512)
def _insert(table: sa.Table, columns: tuple[str, ...], tail: str) -> sa.TextClause:
    return sa.text(f"INSERT INTO {table.name} ({_names(columns)}) {_source(table, columns)}{tail}")


@lru_cache(maxsize=512)
def _upsert(table: sa.Table, columns: tuple[str, ...]) -> sa.TextClause:
    key = tuple(c.name for c in table.primary_key)
    changes = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name not in key)
    action = f"DO UPDATE SET {changes}" if changes else "DO NOTHING"
    return _insert(table, columns, f" ON CONFLICT ({_names(key)}) {action}")


@lru_cache(maxsize=512)
def _add(table: sa.Table, columns: tuple[str, ...], added: tuple[str, ...]) -> sa.TextClause:
    key = tuple(c.name for c in table.primary_key)
    changes = ", ".join(
        f'"{name}" = {table.name}."{name}" + excluded."{name}"' if name in added else f'"{name}" = excluded."{name}"'
        for name in columns
        if name not in key
    )
    return _insert(table, columns, f" ON CONFLICT ({_names(key)}) DO UPDATE SET {changes}")


@lru_cache(maxsize=512)
def _delete(table: sa.Table, columns: tuple[str, ...]) -> sa.TextClause:
    source = _source(table, columns)
    match = " AND ".join(f'{table.name}."{name}" = doomed."{name}"' for name in columns)
    return sa.text(f"DELETE FROM {table.name} USING ({source}) AS doomed WHERE {match}")


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _type(column: sa.Column[Any]) -> str:
    return column.type.compile(dialect=_DIALECT)
