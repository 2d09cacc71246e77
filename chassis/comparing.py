"""Two states of the same tables side by side; encrypted columns by their decrypted values.

Each side hashes its rows in parts of their keys, where they lie. Only parts whose hashes differ are gone through row by row, in the order of
their keys. An encrypted cell that is the same text in the same place is the same bytes (`chassis.privacy.vault`); where it is not, both are
decrypted.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.lanes import all_of
from chassis.privacy.vault import UnreadableCell, Vault
from chassis.service import Service

MOST_DIFFERENCES = 1_000
PARTS = 1_024
"""Of a table, by a hash of its rows' keys."""
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


SAID: Final = {
    "only_live": "only in the live state / hanya di keadaan sekarang",
    "only_replay": "only in the replay / hanya di hasil putar ulang",
    "differs": "differs / berbeda",
    "not_folded": "could not be folded / tidak dapat diolah",
}
"""The kinds, to people."""


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
            of = _Table(table, Side(live.conn, [one]), Side(rebuilt.conn, [other]), service, vault)
            rows[table.name], found = await of.compare()
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


class _Table:
    """One table on both sides."""

    def __init__(self, table: sa.Table, live: Side, rebuilt: Side, service: Service, vault: Vault) -> None:
        self._table, self._live, self._rebuilt, self._vault = table, live, rebuilt, vault
        self._sealed = frozenset(service.personal.get(table.name, ()))

    async def compare(self) -> tuple[int, list[Difference]]:
        """Rows that stand live, and the differences by key and column."""
        live, rebuilt = await all_of([self._hashed(self._live), self._hashed(self._rebuilt)])
        unlike = {part for part in live.keys() | rebuilt.keys() if live.get(part) != rebuilt.get(part)}
        found = await self._walked(unlike) if unlike else []
        found = sorted(found, key=lambda d: (d.key, d.column or ""))
        return sum(count for count, _ in live.values()), found

    async def _hashed(self, side: Side) -> dict[int, tuple[int, bytes]]:
        """Rows of each part, and a hash of all that is in them."""
        (table,) = side.tables
        row = sa.cast(sa.func.row(*table.columns), sa.Text)
        one = sa.func.sha256(sa.func.convert_to(row, "UTF8"))
        all_of_them = sa.func.string_agg(one, aggregate_order_by(sa.literal_column("''::bytea"), *_order(table)))
        part = _part(table)
        asked = sa.select(part, sa.func.count(), sa.func.sha256(all_of_them)).group_by(part)
        return {number: (count, bytes(hash_)) for number, count, hash_ in await side.conn.execute(asked)}

    async def _walked(self, parts: Collection[int]) -> list[Difference]:
        """Walks these parts of both sides in the order of the primary key, so neither is ever in memory as a whole."""
        (one,), (other,) = self._live.tables, self._rebuilt.tables
        pairs = _pairs(
            self._table,
            _rows(self._live.conn, one, _in(one, parts)),
            _rows(self._rebuilt.conn, other, _in(other, parts)),
        )
        differences: list[Difference] = []
        async for live, rebuilt in pairs:
            if len(differences) < MOST_DIFFERENCES:
                differences += _differences(self._table, live, rebuilt, self._sealed, self._vault)
        return differences


def _part(table: sa.Table) -> sa.ColumnElement[int]:
    key = sa.cast(sa.func.row(*table.primary_key), sa.Text)
    return sa.func.hashtextextended(key, sa.literal_column("0")).op("&")(sa.literal_column(str(PARTS - 1)))


def _in(table: sa.Table, parts: Collection[int]) -> sa.ColumnElement[bool]:
    bound = sa.bindparam(None, sorted(parts), type_=sa.ARRAY(sa.BigInteger), unique=True)
    return _part(table) == sa.any_(bound)


def _differences(
    table: sa.Table, live: sa.Row[Any] | None, rebuilt: sa.Row[Any] | None, sealed: frozenset[str], vault: Vault
) -> list[Difference]:
    if live is None or rebuilt is None:
        row, kind = (live, "only_live") if live is not None else (rebuilt, "only_replay")
        assert row is not None
        return [Difference(table.name, _key(table, row), None, kind)]
    key = _key(table, live)
    return [
        Difference(table.name, key, column, "differs")
        for column, one, other in zip(live._fields, live, rebuilt, strict=True)
        if one != other and not (column in sealed and _same(vault, table.name, column, key, one, other))
    ]


def _order(table: sa.Table) -> list[sa.ColumnElement[Any]]:
    return [sa.collate(c, "C") if isinstance(c.type, sa.String) else c for c in table.primary_key]


async def _rows(conn: AsyncConnection, table: sa.Table, where: sa.ColumnElement[bool]) -> AsyncIterator[sa.Row[Any]]:
    asked = sa.select(table).where(where).order_by(*_order(table))
    async for row in await conn.stream(asked.execution_options(yield_per=_PAGE)):
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
