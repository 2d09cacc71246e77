"""Two searches for a person in all that a service's database holds, its event log (so its topics) too: as it lies, and opened with live keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

import sqlalchemy as sa

from chassis import tables as chassis_tables
from chassis.privacy.sealing import EventSealer
from chassis.privacy.vault import UnreadableCell
from chassis.tables import event_log
from tests.faults.checker.canaries import Canaries, canaries
from tests.faults.checker.i10_clear import hits
from tests.faults.checker.views import Digests
from tests.support.service import Harness

Sealed = Mapping[str, str | None]


def sought(person: Mapping[str, str]) -> Canaries:
    """kind → value of one person."""
    return canaries({1: person})


async def in_clear(h: Harness, wanted: Canaries) -> set[tuple[str, str]]:
    """(table, kind) of every value of the person that stands there in any dress."""
    digests, found = Digests.of(wanted.owners), set[tuple[str, str]]()
    names = sa.text(
        "SELECT tablename, format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'shadow') ORDER BY 1, 2"
    )
    async with h.app.read() as conn:
        for name, place in (await conn.execute(names)).all():
            for data in (await conn.execute(sa.text(f"SELECT to_jsonb(t)::text FROM {place} t"))).scalars():
                found |= {(name, kind) for _, _, kind in hits(data.encode(), wanted, digests)}
    return found


async def opened(h: Harness, keeper: Harness, wanted: Canaries) -> set[tuple[str, str]]:
    """(table.column or event type, kind) of every value of the person that stands in a cell or a box that some live key opens."""
    found = set[tuple[str, str]]()
    async for where, text in _cells(h):
        found |= {(where, kind) for _, kind in wanted.found_in(text)}
    async for where, text in _boxes(h, keeper):
        found |= {(where, kind) for _, kind in wanted.found_in(text)}
    return found


async def _cells(h: Harness) -> AsyncIterator[tuple[str, bytes]]:
    """Every cell that the service's own key opens, declared personal or not."""
    tables = {table.name: table for table in (*h.service.tables, *h.service.tables[0].metadata.tables.values())}
    for table in tables.values():
        binary = [c.name for c in table.columns if isinstance(c.type, sa.LargeBinary)]
        if not binary or table.name in chassis_tables.metadata.tables:
            continue
        async with h.app.read() as conn:
            for row in (await conn.execute(sa.select(table))).mappings():
                place = ":".join(str(row[c.name]) for c in table.primary_key)
                for column in binary:
                    try:
                        text = h.app.vault.open(table.name, column, place, row[column])
                    except (UnreadableCell, UnicodeDecodeError):
                        continue
                    if text is not None:
                        yield f"{table.name}.{column}", text.encode()


async def _boxes(h: Harness, keeper: Harness) -> AsyncIterator[tuple[str, bytes]]:
    async with h.app.read() as conn:
        rows = (await conn.execute(sa.select(event_log.c.event_id, event_log.c.type, event_log.c.payload))).all()
    for row in rows:
        for sealed in _sealed_in(json.loads(bytes(row.payload))):
            if sealed["box"] is None:
                continue
            subject = UUID(str(sealed["sealed_for"]))
            keys = await keeper.app.own_keys.load([subject])
            text = EventSealer(row.event_id, keys).open(subject, sealed["box"])
            if text is not None:
                yield row.type, text


def _sealed_in(part: object) -> list[Sealed]:
    match part:
        case {"sealed_for": str(subject), "box": str() | None as box}:
            return [{"sealed_for": subject, "box": box}]
        case dict():
            return [one for value in part.values() for one in _sealed_in(value)]
        case list():
            return [one for value in part for one in _sealed_in(value)]
    return []
