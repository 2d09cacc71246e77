"""What a database holds, as hashes: two pictures taken before and after an attack are equal when no row changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from tests.faults.evidence import Violation
from tests.support.service import Harness

_TABLES = sa.text(
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'alembic_version%'"
)
_CHANGES = "WHERE type <> 'PersonalDataRead'"


@dataclass(frozen=True)
class Picture:
    """Table → row hash → how many rows have it."""

    tables: Mapping[str, Mapping[str, int]]

    @property
    def rows(self) -> int:
        return sum(sum(found.values()) for found in self.tables.values())


async def picture(h: Harness, *, without: Collection[str] = ()) -> Picture:
    """Every row of every table but those of `without`, and of the event log but for who was shown what (that T6 asks)."""
    tables: dict[str, dict[str, int]] = {}
    async with h.app.read() as conn:
        for table in sorted((await conn.execute(_TABLES)).scalars()):
            if table not in without:
                some = _CHANGES if table == "event_log" else ""
                query = sa.text(f'SELECT md5(t::text) AS hash, count(*) AS n FROM "{table}" AS t {some} GROUP BY 1')
                tables[table] = {row.hash: row.n for row in await conn.execute(query)}
    return Picture(tables)


def changes(before: Picture, after: Picture, *, grown: Collection[str] = ()) -> list[Violation]:
    """A violation for every table that is not as it was. Tables of `grown` may have got new rows, and lost none."""
    found: list[Violation] = []
    for table in sorted(before.tables.keys() | after.tables.keys()):
        old, new = before.tables.get(table, {}), after.tables.get(table, {})
        lost = sum(max(0, n - new.get(key, 0)) for key, n in old.items())
        gained = sum(max(0, n - old.get(key, 0)) for key, n in new.items())
        if lost or (gained and table not in grown):
            found.append({"where": table, "key": "", "expected": "unchanged", "actual": f"−{lost} +{gained} rows"})
    return found
