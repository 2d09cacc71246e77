"""T14: whatever an insider with superuser rights does to a service's state or to its event log is named by table, key and column, or event by
event; and nothing else is."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import UUID

from chassis.crosscheck import FromArchive, Kind, Tally, cross_check
from chassis.replay import Outcome, replay
from tests.faults.evidence import Evidence, Scale, Violation
from tests.faults.threats.insider import Connection
from tests.faults.threats.served import SERVICES, served
from tests.faults.threats.tenants import BUILD
from tests.support import archive
from tests.support.service import Harness
from tests.support.stack import Stack

pytestmark = pytest.mark.timeout(900)
Named = set[tuple[str, ...]]
FEWEST_TABLES = 2
EVERY = pytest.mark.parametrize("service", sorted({*SERVICES} - {"audit"}))
"""What audit holds is insert-only and under the tree: T13 is about that."""


@asynccontextmanager
async def insider(h: Harness, stack: Stack) -> AsyncIterator[Connection]:
    """The superuser of the service's database, whom no constraint holds."""
    connection = await asyncpg.connect(stack.admin_of(h.app.settings.database_url))
    await connection.execute("SET session_replication_role = replica")
    try:
        yield connection
    finally:
        await connection.close()


async def rebuilt(h: Harness, lines: Sequence[bytes]) -> tuple[Outcome, Tally]:
    """From what the archive has."""
    source = FromArchive(h.service, h.app.engine, archive.feed_of(lines), ready=archive.nothing)
    return await replay(h.service, h.app.engine, h.app.vault, h.app.keys, source=source), source.tally


def wrong(where: str, wanted: Named, found: Named) -> list[Violation]:
    missed = [{"where": where, "key": " ".join(one), "expected": "named", "actual": "not"} for one in wanted - found]
    return [
        *missed,
        *({"where": where, "key": " ".join(one), "expected": "not", "actual": "named"} for one in found - wanted),
    ]


@pytest.mark.cell("threat.T14", fault="T14", service="all", tier="long")
@EVERY
async def test_every_cell_and_row_that_was_changed_is_named_and_no_other(
    service: str, stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    """In every table that holds anything: cells are edited, rows deleted."""
    dice, most = random.Random(seed), scale(test=4, long=40)
    async with served(service, stack) as h, insider(h, stack) as conn:
        await BUILD[service](h)
        await archive.sent(h)
        lines = await archive.kept(h)
        outcome, log = await rebuilt(h, lines)
        found = wrong("untouched", set(), {*_differences(outcome), *_events(log)})
        wanted: Named = set()
        tables = 0
        for table in h.service.tables:
            done = await changed(conn, table, dice, most)
            wanted, tables = wanted | done, tables + bool(done)
        outcome, log = await rebuilt(h, lines)
        found += wrong(service, wanted, {*_differences(outcome), *_events(log)})
        evidence.fired(len(wanted), of=len(wanted), unit="edit")
        evidence.count(tables_changed=tables)
        evidence.holds("T14.state", checked=sum(outcome.rows.values()), violations=found)
        assert tables >= FEWEST_TABLES


def _differences(outcome: Outcome) -> Named:
    return {(one.table, one.key, one.column or "", one.kind) for one in outcome.differences}


def _events(log: Tally) -> Named:
    return {(one.kind, one.event_id, *one.what) for one in log.named}


async def changed(conn: Connection, table: sa.Table, dice: random.Random, most: int) -> Named:
    """Some rows of a table: one cell of each is edited, or it is deleted."""
    done: Named = set()
    names = [column.name for column in table.primary_key]
    keys = ", ".join(f'"{name}"' for name in names)
    rows = await conn.fetch(f'SELECT {keys} FROM "{table.name}" ORDER BY {keys}')
    for row in dice.sample(rows, min(most, len(rows))):
        where = " AND ".join(f'"{name}" = ${number}' for number, name in enumerate(names, 1))
        key = ":".join(str(value) for value in row)
        column = dice.choice([None, *(one for one in table.columns if one.name not in names and _lie(one))])
        if column is None:
            await conn.execute(f'DELETE FROM "{table.name}" WHERE {where}', *row)
            done.add((table.name, key, "", "only_replay"))
        elif await _edited(conn, table, column, where, row):
            done.add((table.name, key, column.name, "differs"))
    return done


async def _edited(conn: Connection, table: sa.Table, column: sa.Column[Any], where: str, row: Sequence[Any]) -> bool:
    """False where the table takes no such lie: a check of its own, or another row that has the value."""
    try:
        await conn.execute(f'UPDATE "{table.name}" SET "{column.name}" = {_lie(column)} WHERE {where}', *row)
    except asyncpg.IntegrityConstraintViolationError:
        return False
    return True


def _lie(column: sa.Column[Any]) -> str:
    """Another value of its type; empty for a type that has none here."""
    old = f'"{column.name}"'
    match column.type:
        case sa.Boolean():
            return f"NOT COALESCE({old}, false)"
        case sa.Integer():
            return f"COALESCE({old}, 0) + 1"
        case sa.LargeBinary():
            return f"COALESCE({old}, '') || '\\x00'::bytea"
        case UUID() | sa.UUID():
            return "gen_random_uuid()"
        case sa.TIMESTAMP() | sa.Date():
            return f"COALESCE({old}, '2026-01-01') + interval '1 day'"
        case sa.String():
            return f"COALESCE({old}, '') || 'x'"
    return ""


LOG_LIES = {
    "event_id": "gen_random_uuid()",
    "version": "version + 1",
    "rules": "rules || '2'",
    "occurred_at": "occurred_at - interval '1 second'",
    "recorded_at": "recorded_at + interval '1 microsecond'",
    "actor": "actor || '2'",
    "correlation_id": "gen_random_uuid()",
    "agent_id": "gen_random_uuid()",
    "payload": "payload || ' '::bytea",
}
_FORGE = "INSERT INTO event_log OVERRIDING SYSTEM VALUE SELECT {} FROM event_log WHERE position = $1 RETURNING event_id::text"


@pytest.mark.cell("threat.T14", fault="T14", service="all", tier="long")
@EVERY
async def test_every_event_that_was_changed_in_the_log_is_named_and_no_other(
    service: str, stack: Stack, evidence: Evidence, seed: int, scale: Scale
) -> None:
    """Columns edited, rows deleted, the tail cut, and rows forged among those that were sent long ago."""
    dice, number = random.Random(seed), scale(test=30, long=300)
    async with served(service, stack) as h, insider(h, stack) as conn:
        await BUILD[service](h)
        await archive.sent(h)
        lines = await archive.kept(h)
        found = wrong("untouched", set(), _events(await _checked(h, lines)))
        wanted: Named = set()
        rows = await conn.fetch("SELECT position, event_id::text FROM event_log ORDER BY position")
        free = rows[:-2]
        for row in rows[-2:]:
            await conn.execute("DELETE FROM event_log WHERE position = $1", row["position"])
            wanted.add((Kind.EXTRA, row["event_id"]))
        chosen = dice.sample(free, min(number, len(free)))
        for row in chosen:
            wanted |= await _lied(conn, row["position"], row["event_id"], dice)
        log = await _checked(h, lines)
        evidence.fired(len(chosen) + 2, of=len(chosen) + 2, unit="edit")
        evidence.holds("T14.log", checked=log.log, violations=[*found, *wrong(service, wanted, _events(log))])


async def _checked(h: Harness, lines: Sequence[bytes]) -> Tally:
    feed = archive.feed_of(lines)
    return await cross_check(h.service, h.app.engine, feed, ready=archive.nothing, progress=lambda events: None)


async def _lied(conn: Connection, position: int, event_id: str, dice: random.Random) -> Named:
    deed = dice.choice([*LOG_LIES, "delete", "forge"])
    if deed == "delete":
        await conn.execute("DELETE FROM event_log WHERE position = $1", position)
        return {(Kind.EXTRA, event_id)}
    if deed == "forge":
        columns = await conn.fetchval(
            "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) FROM information_schema.columns"
            " WHERE table_name = 'event_log' AND table_schema = 'public'"
        )
        made = {"event_id": "gen_random_uuid()", "seq": "seq + 1000000", "position": "position + 1000000"}
        values = ", ".join(made.get(name.strip('"'), name) for name in columns.split(", "))
        return {(Kind.MISSING, await conn.fetchval(_FORGE.format(values), position))}
    await conn.execute(f"UPDATE event_log SET {deed} = {LOG_LIES[deed]} WHERE position = $1", position)
    return {(Kind.DIFFERS, event_id, deed)}
