"""Two states of the same tables side by side, row by row in the order of their keys; encrypted columns by their decrypted values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.privacy.vault import UnreadableCell, Vault
from chassis.service import Service

MOST_DIFFERENCES = 1_000
_PAGE = 1_000
_Pair = tuple[sa.Row[Any] | None, sa.Row[Any] | None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where live and replay disagree; values are never shown. `kind`: only_live, only_replay or differs; of an event
    (table event_log) not_folded.
    """

    table: str
    key: str
    column: str | None
    kind: str


class Side(NamedTuple):
    """The tables of a service where a connection finds them, in the order of `Service.tables`."""

    conn: AsyncConnection
    tables: Sequence[sa.Table]


async def compare(service: Service, vault: Vault, live: Side, rebuilt: Side) -> tuple[dict[str, int], list[Difference]]:
    """Rows of `live` per table, and the differences by table, key and column."""
    rows: dict[str, int] = {}
    differences: list[Difference] = []
    filled = {*await _filled(service, live), *await _filled(service, rebuilt)}
    for table, one, other in zip(service.tables, live.tables, rebuilt.tables, strict=True):
        rows[table.name] = 0
        if table.name in filled:
            pairs = _pairs(table, _rows(live.conn, one), _rows(rebuilt.conn, other))
            rows[table.name], found = await _compare(pairs, table, service, vault)
            differences += found
    return rows, differences


async def _filled(service: Service, side: Side) -> Sequence[str]:
    """Which of them hold any row there."""
    asked = sa.union_all(
        *(
            sa.select(sa.literal(table.name)).where(sa.exists(sa.select(1).select_from(there)))
            for table, there in zip(service.tables, side.tables, strict=True)
        )
    )
    return (await side.conn.execute(asked)).scalars().all()


async def _compare(
    pairs: AsyncIterator[_Pair], table: sa.Table, service: Service, vault: Vault
) -> tuple[int, list[Difference]]:
    """Walks both sides in the order of the primary key, so neither is ever in memory as a whole."""
    sealed = frozenset(service.personal.get(table.name, ()))
    differences: list[Difference] = []
    count = 0
    async for live, rebuilt in pairs:
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
    async for row in await conn.stream(sa.select(table).order_by(*order).execution_options(yield_per=_PAGE)):
        yield row


async def _pairs(
    table: sa.Table, live: AsyncIterator[sa.Row[Any]], rebuilt: AsyncIterator[sa.Row[Any]]
) -> AsyncIterator[_Pair]:
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
