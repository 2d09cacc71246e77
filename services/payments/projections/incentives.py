"""Runs, statements and disputes of incentives, and what was noted for them. Most tables only grow; the others are folds of one key's own rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.event import Event
from contracts.events import incentives as contract
from contracts.events.incentives import (
    IncentiveDisputeAnswered,
    IncentiveLineDisputed,
    IncentiveRunCompleted,
    IncentiveRunOpened,
    IncentiveStatementIssued,
    ManagerChanged,
)
from contracts.values import ContributionMonth
from services.payments.projections.incentive_notes import (
    OF_AGENT,
    OF_AGREEMENT,
    agent,
    agreements_after,
    management,
    reviews,
)
from services.payments.projections.incentive_statements import (
    OF_WADAH,
    entries,
    lines,
    statement,
    wadah_entries,
    wadah_statement,
)
from services.payments.tables import incentives as tables

E = TypeVar("E", bound=Event)
_Row = dict[str, Any]
_Key = tuple[Any, ...]
_OURS = frozenset(contract.EVENTS)


async def incentives(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    await rows.insert(conn, tables.incentive_reviews, [*reviews(recorded)])
    events = [r for r in recorded if type(r.event) in _OURS]
    if not events:
        return
    await _agreements(conn, events)
    await _folded(conn, tables.agents, events, OF_AGENT, agent)
    await rows.insert(conn, tables.managements, _each(events, ManagerChanged, management))
    await _folded(conn, tables.incentive_runs, events, _OF_RUN, _run)
    await rows.insert(conn, tables.incentive_lines, [*lines(events)])
    await rows.insert(conn, tables.incentive_entries, [*entries(events)])
    await rows.insert(conn, tables.incentive_statements, _each(events, IncentiveStatementIssued, statement))
    await rows.insert(conn, tables.wadah_entries, [*wadah_entries(events)])
    await _folded(conn, tables.wadah_statements, events, OF_WADAH, wadah_statement)
    await _folded(conn, tables.incentive_disputes, events, _OF_DISPUTE, _dispute)


async def _agreements(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    """A Wadah has several: its rows are folded together and written whole. Two statements, none where nothing was noted."""
    ours = [r for r in events if type(r.event) in OF_AGREEMENT]
    if not ours:
        return
    table, wadah = tables.agreements, {UUID(r.envelope.key) for r in ours}
    query = sa.select(table).where(rows.matching(table.c.wadah_id, wadah)).order_by(table.c.agreement)
    state: dict[str, list[_Row]] = {}
    for row in (await conn.execute(query)).mappings():
        state.setdefault(str(row["wadah_id"]), []).append(dict(row))
    for r in ours:
        state[r.envelope.key] = agreements_after(state.get(r.envelope.key, []), r.event)
    await rows.upsert(conn, table, [row for every in state.values() for row in every])


async def _folded(
    conn: AsyncConnection,
    table: sa.Table,
    events: Sequence[Recorded],
    kinds: frozenset[type[Event]],
    fold: Callable[[_Row, Recorded], _Row],
) -> None:
    """One statement for rows that the batch makes, two more for rows that stand. A key's first event makes its row."""
    ours = [r for r in events if type(r.event) in kinds]
    if not ours:
        return
    names = [column.name for column in table.primary_key]
    made = {r.envelope.key for r in ours if r.envelope.seq == 1}
    known = {r.envelope.key: _key(r, names) for r in ours if r.envelope.key not in made}
    standing = await _standing(conn, table, names, known.values())
    state = {key: standing[row_key] for key, row_key in known.items()}
    for r in ours:
        state[r.envelope.key] = fold(state.get(r.envelope.key, {}), r)
    await rows.insert(conn, table, [state[key] for key in made])
    await rows.upsert(conn, table, [state[key] for key in known])


def _key(r: Recorded, names: Sequence[str]) -> _Key:
    """Events name their key by the columns' own names; a month is stored as text."""
    found = (getattr(r.event, name) for name in names)
    return tuple(str(part) if isinstance(part, ContributionMonth) else part for part in found)


async def _standing(
    conn: AsyncConnection, table: sa.Table, names: Sequence[str], keys: Iterable[_Key]
) -> dict[_Key, _Row]:
    wanted = list(keys)
    if not wanted:
        return {}
    matches = [rows.matching(table.c[name], {key[n] for key in wanted}) for n, name in enumerate(names)]
    found = (await conn.execute(sa.select(table).where(*matches))).mappings()
    return {tuple(row[name] for name in names): dict(row) for row in found}


def _each(events: Iterable[Recorded], kind: type[E], row: Callable[[Recorded, E], _Row]) -> list[_Row]:
    return [row(r, r.event) for r in events if isinstance(r.event, kind)]


_OF_RUN: frozenset[type[Event]] = frozenset({IncentiveRunOpened, IncentiveRunCompleted})
_OF_DISPUTE: frozenset[type[Event]] = frozenset({IncentiveLineDisputed, IncentiveDisputeAnswered})


def _run(row: _Row, r: Recorded) -> _Row:
    match r.event:
        case IncentiveRunOpened() as event:
            return {
                "month": str(event.month),
                "closed_at": event.closed_at,
                "statements_at": event.statements_at,
                "orders_at": event.orders_at,
                "pay_by": event.pay_by,
                "completed_at": None,
                "agents": None,
                "wadah": None,
                "lines": None,
                "payout": None,
            }
        case IncentiveRunCompleted() as event:
            return row | {
                "completed_at": r.envelope.occurred_at,
                "agents": event.agents,
                "wadah": event.wadah,
                "lines": event.lines,
                "payout": event.payout,
            }
    return row


def _dispute(row: _Row, r: Recorded) -> _Row:
    match r.event:
        case IncentiveLineDisputed() as event:
            return {
                "dispute_id": event.dispute_id,
                "agent_id": event.agent_id,
                "wadah_id": event.wadah_id,
                "branch_id": r.envelope.branch_id,
                "run": str(event.run),
                "line": event.line,
                "reason": event.reason,
                "note": event.note,
                "raised_by": r.envelope.actor,
                "raised_at": r.envelope.occurred_at,
                "upheld": None,
                "answer": None,
                "answered_by": None,
                "answered_at": None,
            }
        case IncentiveDisputeAnswered() as event:
            return row | {
                "upheld": event.upheld,
                "answer": event.note,
                "answered_by": r.envelope.actor,
                "answered_at": r.envelope.occurred_at,
            }
    return row
