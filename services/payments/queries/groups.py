"""Collective bills, agents' balances and cash in hand: what people are shown within their scope, and what is due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.values import BillId
from services.payments.tables import (
    agent_balance_lines,
    agent_balances,
    cash_lines,
    cash_received,
    collective_bills,
    collective_lines,
    payers,
    payments,
)

Row = Mapping[Any, Any]


async def collectives(
    conn: AsyncConnection, scope: sa.ColumnElement[bool], before: UUID | None, limit: int
) -> Sequence[Row]:
    """Collective bills of this scope, newest first, from the one before `before` on (ids are in the order of time)."""
    query = sa.select(collective_bills).where(scope).order_by(collective_bills.c.bill_id.desc()).limit(limit)
    if before is not None:
        query = query.where(collective_bills.c.bill_id < before)
    return (await conn.execute(query)).mappings().all()


async def collective(conn: AsyncConnection, bill_id: UUID, scope: sa.ColumnElement[bool]) -> Row | None:
    query = sa.select(collective_bills).where(collective_bills.c.bill_id == bill_id, scope)
    return (await conn.execute(query)).mappings().first()


async def lines_of(conn: AsyncConnection, bill_id: UUID, after: int, limit: int) -> Sequence[Row]:
    """Lines of a bill in order, after a number. `void`: not posted yet, and a month of it is paid meanwhile or nothing more is taken."""
    query = (
        sa.select(collective_lines, payers.c.contribution_code, _is_void().label("void"))
        .join(payers, payers.c.participant_id == collective_lines.c.participant_id)
        .where(collective_lines.c.bill_id == bill_id, collective_lines.c.number > after)
        .order_by(collective_lines.c.number)
        .limit(limit)
    )
    return (await conn.execute(query)).mappings().all()


async def wholly_void(conn: AsyncConnection, bills: Collection[UUID]) -> frozenset[BillId]:
    """Of these collective bills those that nobody has paid and of which every line is void. It looks no further than the first line that is not."""
    live = (
        sa.select(1)
        .select_from(collective_lines.join(payers, payers.c.participant_id == collective_lines.c.participant_id))
        .where(collective_lines.c.bill_id == collective_bills.c.bill_id, sa.not_(_is_void()))
        .correlate(collective_bills)
    )
    query = sa.select(collective_bills.c.bill_id).where(
        rows.matching(collective_bills.c.bill_id, bills),
        collective_bills.c.payment_id.is_(None),
        sa.not_(live.exists()),
    )
    return frozenset(BillId(row.bill_id) for row in await conn.execute(query))


def _is_void() -> sa.ColumnElement[bool]:
    """Of a line beside its payer: not posted yet, and a month of it is paid meanwhile or nothing more is taken of the person."""
    charged = sa.func.jsonb_array_elements(collective_lines.c.months).table_valued(
        sa.column("value", sa.JSON), name="c"
    )
    stretch = sa.func.jsonb_array_elements(payers.c.paid).table_valued(sa.column("value", sa.JSON), name="s")
    month = charged.c.value.op("->>")("month")
    paid = (
        sa.select(1)
        .select_from(charged.join(stretch, sa.true()))
        .where(month >= stretch.c.value.op("->>")(0), month <= stretch.c.value.op("->>")(1))
    )
    return sa.and_(collective_lines.c.payment_id.is_(None), sa.or_(payers.c.blocked.is_not(None), paid.exists()))


async def balances(conn: AsyncConnection, scope: sa.ColumnElement[bool]) -> Sequence[Row]:
    """Balances of this scope, by agent."""
    query = sa.select(agent_balances).where(scope).order_by(agent_balances.c.agent_id)
    return (await conn.execute(query)).mappings().all()


async def balance(conn: AsyncConnection, agent_id: UUID, scope: sa.ColumnElement[bool]) -> Row | None:
    query = sa.select(agent_balances).where(agent_balances.c.agent_id == agent_id, scope)
    return (await conn.execute(query)).mappings().first()


async def balance_lines(conn: AsyncConnection, agent_id: UUID, after: int, limit: int) -> Sequence[Row]:
    """The agent's statement, oldest first, after a place in it."""
    query = (
        sa.select(agent_balance_lines)
        .where(agent_balance_lines.c.agent_id == agent_id, agent_balance_lines.c.seq > after)
        .order_by(agent_balance_lines.c.seq)
        .limit(limit)
    )
    return (await conn.execute(query)).mappings().all()


async def cash_noted(conn: AsyncConnection, participants: Collection[UUID]) -> set[BillId]:
    """Bills of these participants for which cash was reported and not given back."""
    query = sa.select(cash_received.c.bill_id).where(
        rows.matching(cash_received.c.participant_id, participants), cash_received.c.returned_at.is_(None)
    )
    return {BillId(row.bill_id) for row in await conn.execute(query)}


async def notes_in_hand(conn: AsyncConnection, participants: Collection[UUID]) -> dict[BillId, Row]:
    """Cash of these participants that agents have in hand, by bill."""
    query = sa.select(cash_received).where(rows.matching(cash_received.c.participant_id, participants), _in_hand())
    return {BillId(row["bill_id"]): row for row in (await conn.execute(query)).mappings()}


async def has_cash_lines(conn: AsyncConnection, agent_id: UUID, scope: sa.ColumnElement[bool]) -> bool:
    query = sa.select(1).where(cash_lines.c.agent_id == agent_id, scope).limit(1)
    return (await conn.execute(query)).first() is not None


async def cash_statement(
    conn: AsyncConnection, agent_id: UUID, scope: sa.ColumnElement[bool], after: UUID | None, limit: int
) -> Sequence[Row]:
    """Cash that the agent took and gave back, oldest first, after a line. `paid_in`: a payment cleared what this line took."""
    note = sa.and_(cash_received.c.bill_id == cash_lines.c.bill_id, cash_received.c.returned_at.is_(None))
    cleared = sa.exists().where(note, cash_lines.c.kind == "RECEIVED", sa.not_(_in_hand()))
    last = cash_lines.alias("last")
    again = sa.exists().where(last.c.bill_id == cash_lines.c.bill_id, last.c.line_id > cash_lines.c.line_id)
    query = (
        sa.select(cash_lines, sa.and_(cleared, sa.not_(again)).label("paid_in"))
        .where(cash_lines.c.agent_id == agent_id, scope)
        .order_by(cash_lines.c.line_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(cash_lines.c.line_id > after)
    return (await conn.execute(query)).mappings().all()


def _in_hand() -> sa.ColumnElement[bool]:
    """It was not given back, neither was the bill paid nor did another payment of the participant come after the report; one taken back was
    paid in all the same.
    """
    paid = sa.exists().where(
        payments.c.participant_id == cash_received.c.participant_id,
        payments.c.bill_id.is_not(None),
        sa.or_(
            payments.c.bill_id == cash_received.c.bill_id,
            payments.c.posted_at > cash_received.c.reported_at,
        ),
    )
    return sa.and_(cash_received.c.returned_at.is_(None), sa.not_(paid))


async def cash_in_hand(conn: AsyncConnection, scope: sa.ColumnElement[bool], limit: int) -> Sequence[Row]:
    """Cash within this scope that was not paid in yet, the oldest first."""
    query = sa.select(cash_received).where(scope, _in_hand()).order_by(cash_received.c.received_at).limit(limit)
    return (await conn.execute(query)).mappings().all()


async def cash_by_agent(conn: AsyncConnection, scope: sa.ColumnElement[bool]) -> Sequence[Row]:
    """Per agent of this scope: how many notes, how much, since when; the oldest first."""
    oldest = sa.func.min(cash_received.c.received_at)
    query = (
        sa.select(
            cash_received.c.agent_id,
            sa.func.count().label("notes"),
            sa.cast(sa.func.sum(cash_received.c.amount), sa.BigInteger).label("amount"),
            oldest.label("oldest_received_at"),
        )
        .where(scope, _in_hand())
        .group_by(cash_received.c.agent_id)
        .order_by(oldest)
    )
    return (await conn.execute(query)).mappings().all()


async def collectives_due_to_expire(
    conn: AsyncConnection, now: datetime, limit: int, held_back: sa.ColumnElement[bool]
) -> list[str]:
    """Open collective bills past their end, the oldest first."""
    query = (
        sa.select(collective_bills.c.bill_id)
        .where(collective_bills.c.status == "OPEN", collective_bills.c.expires_at <= now, sa.not_(held_back))
        .order_by(collective_bills.c.expires_at)
        .limit(limit)
    )
    return [str(row.bill_id) for row in await conn.execute(query)]


async def collectives_to_post(conn: AsyncConnection, limit: int, held_back: sa.ColumnElement[bool]) -> list[str]:
    """Paid collective bills with shares left, the longest waiting first."""
    query = (
        sa.select(collective_bills.c.bill_id)
        .where(
            collective_bills.c.status == "PAID",
            collective_bills.c.shares_posted < collective_bills.c.heads,
            sa.not_(held_back),
        )
        .order_by(collective_bills.c.posted_at)
        .limit(limit)
    )
    return [str(row.bill_id) for row in await conn.execute(query)]


async def collectives_to_reverse(conn: AsyncConnection, limit: int, held_back: sa.ColumnElement[bool]) -> list[str]:
    """Collective bills that were taken back with posted shares left, the longest waiting first."""
    query = (
        sa.select(collective_bills.c.bill_id)
        .where(
            collective_bills.c.status == "REVERSED",
            collective_bills.c.shares_reversed < collective_bills.c.shares_posted,
            sa.not_(held_back),
        )
        .order_by(collective_bills.c.reversed_at)
        .limit(limit)
    )
    return [str(row.bill_id) for row in await conn.execute(query)]
