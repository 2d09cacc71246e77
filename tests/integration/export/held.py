"""Everything that a service's database holds of a person, found without the service's own declarations: what a copy is compared with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from chassis.held import HeldShown
from chassis.privacy.sealing import EventSealer
from chassis.privacy.vault import UnreadableCell
from chassis.tables import event_log
from tests.support.service import Harness

BESIDE = {"event_log", "progress", "parked_events", "idempotency", "person_keys", "timer_backoff"}
"""Where a person's number stands without a row of theirs: the log is compared event by event; answers to commands hold ids and codes alone; how far
topics were read, and events of other services, which are in the copies of those; a key is no data.
"""
Copy = Mapping[str, Any]


_THINGS = {
    "payments": "SELECT payment_id FROM payments WHERE participant_id = :who UNION ALL SELECT d.dispute_id FROM incentive_disputes d"
    " JOIN incentive_lines l ON l.agent_id = d.agent_id AND l.run = d.run AND l.line = d.line WHERE l.participant_id = :who",
    "notifications": "SELECT notification_id FROM notifications WHERE participant_id = :who",
}
"""What is a person's and has a number of its own, which stands in rows that do not name the person."""


async def _numbers(h: Harness, who: UUID) -> list[str]:
    async with h.app.read() as conn:
        things = _THINGS.get(h.service.name)
        found = (await conn.execute(sa.text(things), {"who": who})).scalars().all() if things else []
    return [str(who), *map(str, found)]


async def rows_about(h: Harness, who: UUID) -> set[tuple[str, str]]:
    """(table, primary key) of every row of any table of the database in which the person's number stands, or that of a thing of theirs."""
    found: set[tuple[str, str]] = set()
    numbers = await _numbers(h, who)
    async with h.app.read() as conn:
        for table in h.service.tables[0].metadata.sorted_tables:
            query = sa.text(f'SELECT t.*, to_jsonb(t)::text AS whole FROM "{table.name}" t')
            for row in (await conn.execute(query)).mappings():
                if any(number in row["whole"] for number in numbers):
                    found.add((table.name, _place(table, row)))
        names = set(
            (await conn.execute(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars()
        )
        for name in sorted(names - {t.name for t in h.service.tables[0].metadata.sorted_tables} - BESIDE):
            query = sa.text(f'SELECT count(*) FROM "{name}" t WHERE to_jsonb(t)::text LIKE :who')
            if (await conn.execute(query, {"who": f"%{who}%"})).scalar_one():
                found.add((name, "some row"))
    return found


async def rows_of_office(h: Harness, agent_id: UUID) -> set[tuple[str, str]]:
    """Rows of payments under an agent's number that are the agent's own affairs."""
    own = {
        "agents",
        "agent_balances",
        "agent_balance_lines",
        "cash_received",
        "cash_lines",
        "incentive_lines",
        "incentive_entries",
        "incentive_statements",
        "incentive_disputes",
    }
    found: set[tuple[str, str]] = set()
    async with h.app.read() as conn:
        for table in h.service.tables[0].metadata.sorted_tables:
            if table.name in own and "agent_id" in table.c:
                query = sa.select(table).where(table.c.agent_id == agent_id)
                found |= {(table.name, _place(table, row)) for row in (await conn.execute(query)).mappings()}
    return found


def rows_in(h: Harness, copy: Copy) -> set[tuple[str, str]]:
    """(table, primary key) of every row of a copy."""
    tables = h.service.tables[0].metadata.tables
    return {
        (one["name"], ":".join(_text(row[c.name]) for c in tables[one["name"]].primary_key))
        for one in copy["tables"]
        for row in one["rows"]
    }


async def cells_about(h: Harness, rows: set[tuple[str, str]]) -> dict[tuple[str, str, str], str]:
    """(table, primary key, column) → text, of every encrypted cell of these rows that the service's own key opens, declared personal or not."""
    found: dict[tuple[str, str, str], str] = {}
    async with h.app.read() as conn:
        for table in h.service.tables[0].metadata.sorted_tables:
            sealed = [c.name for c in table.columns if isinstance(c.type, sa.LargeBinary)]
            for row in (await conn.execute(sa.select(table))).mappings() if sealed else ():
                place = _place(table, row)
                for column in sealed if (table.name, place) in rows else ():
                    try:
                        text = h.app.vault.open(table.name, column, place, row[column])
                    except UnreadableCell:
                        continue
                    if text is not None:
                        found[(table.name, place, column)] = text
    return found


def cells_in(h: Harness, copy: Copy) -> dict[tuple[str, str, str], Any]:
    tables = h.service.tables[0].metadata.tables
    return {
        (one["name"], ":".join(_text(row[c.name]) for c in tables[one["name"]].primary_key), column): value
        for one in copy["tables"]
        for row in one["rows"]
        for column, value in row.items()
    }


async def boxes_about(h: Harness, keeper: Harness, subjects: set[UUID]) -> dict[str, list[Any]]:
    """Event id → what was sealed in it for these, opened."""
    keys = await keeper.app.own_keys.load(subjects)
    found: dict[str, list[Any]] = {}
    async with h.app.read() as conn:
        query = sa.select(event_log.c.event_id, event_log.c.payload)
        for event_id, payload in await conn.execute(query):
            for subject, box in _boxes(json.loads(bytes(payload))):
                if subject in subjects:
                    text = EventSealer(event_id, keys).open(subject, box)
                    found.setdefault(str(event_id), []).append(json.loads(text or b"null"))
    return found


def missing_boxes(copy: Copy, expected: Mapping[str, list[Any]]) -> set[str]:
    """Ids of events whose sealed parts are not in the copy as they are."""
    told = {one["event_id"]: json.dumps(one["data"], sort_keys=True) for one in copy["events"]}
    return {
        event_id
        for event_id, parts in expected.items()
        if any(json.dumps(part, sort_keys=True) not in told.get(event_id, "") for part in parts)
    }


async def events_about(h: Harness, who: UUID) -> set[str]:
    """Ids of events whose key is the person's number."""
    async with h.app.read() as conn:
        query = sa.select(event_log.c.event_id).where(event_log.c.key == str(who))
        return {str(one) for one in (await conn.execute(query)).scalars()}


def is_whole(copy: Any) -> Copy:
    """A copy as it was answered, after a look at its shape."""
    HeldShown.model_validate(copy)
    assert {*copy} == {*HeldShown.model_fields}
    found: Copy = copy
    return found


def _boxes(part: Any) -> list[tuple[UUID, str]]:
    match part:
        case {"sealed_for": str(subject), "box": str(box)}:
            return [(UUID(subject), box)]
        case dict():
            return [one for value in part.values() for one in _boxes(value)]
        case list():
            return [one for value in part for one in _boxes(value)]
    return []


def _place(table: sa.Table, row: Any) -> str:
    return ":".join(_text(row[column.name]) for column in table.primary_key)


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
