"""The books: sums of accounts and the transfers of one, now or as they stood at the end of any day, within a scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.tables import balances, transfers

Rows = Sequence[Mapping[Any, Any]]
Place = tuple[UUID, int]
"""Event id and line of a transfer: their order is that of the books."""

_PLACE = sa.tuple_(transfers.c.event_id, transfers.c.line)


@dataclass(frozen=True, slots=True)
class Span:
    """Business instants: from `since` on and before `until`; None: without an end."""

    since: datetime | None = None
    until: datetime | None = None


async def trial_balance(conn: AsyncConnection, scope: sa.ColumnElement[bool]) -> Rows:
    """Debit and credit per account now, by account, over the branches of this scope (over `balances`)."""
    query = (
        sa.select(
            balances.c.account,
            sa.cast(sa.func.sum(balances.c.debit), sa.BigInteger).label("debit"),
            sa.cast(sa.func.sum(balances.c.credit), sa.BigInteger).label("credit"),
        )
        .where(scope)
        .group_by(balances.c.account)
        .order_by(balances.c.account)
    )
    return (await conn.execute(query)).mappings().all()


async def trial_balance_before(conn: AsyncConnection, scope: sa.ColumnElement[bool], until: datetime) -> Rows:
    """The same as it stood before a business instant, summed over `transfers` (as is the scope); reads every one of them."""
    nothing = sa.literal(0, sa.BigInteger)
    before = (scope, transfers.c.occurred_at < until)
    sides = (
        sa.select(transfers.c.debit.label("account"), transfers.c.amount.label("debit"), nothing.label("credit")),
        sa.select(transfers.c.credit.label("account"), nothing.label("debit"), transfers.c.amount.label("credit")),
    )
    both = sa.union_all(*(side.where(*before) for side in sides)).subquery()
    query = (
        sa.select(
            both.c.account,
            sa.cast(sa.func.sum(both.c.debit), sa.BigInteger).label("debit"),
            sa.cast(sa.func.sum(both.c.credit), sa.BigInteger).label("credit"),
        )
        .group_by(both.c.account)
        .order_by(both.c.account)
    )
    return (await conn.execute(query)).mappings().all()


async def has_moved(conn: AsyncConnection, account: str, scope: sa.ColumnElement[bool]) -> bool:
    """Whether any transfer ever touched it, within this scope (over `balances`)."""
    found = sa.exists().where(balances.c.account == account, scope)
    return bool((await conn.execute(sa.select(found))).scalar_one())


async def account_statement(
    conn: AsyncConnection, account: str, scope: sa.ColumnElement[bool], span: Span, after: Place | None, limit: int
) -> Rows:
    """Transfers that touch an account, oldest first, from after a place on, within this scope (over `transfers`)."""
    query = sa.select(transfers).where(_touches(account), scope, *_within(span))
    if after is not None:
        query = query.where(_place(after) < _PLACE)
    return (await conn.execute(query.order_by(_PLACE).limit(limit))).mappings().all()


async def balance_before(
    conn: AsyncConnection, account: str, scope: sa.ColumnElement[bool], span: Span, after: Place | None
) -> int:
    """Debit minus credit of an account over everything before such a page of its statement."""
    earlier: list[sa.ColumnElement[bool]] = []
    if span.since is not None:
        earlier.append(transfers.c.occurred_at < span.since)
    if after is not None:
        earlier.append(sa.and_(_place(after) >= _PLACE, *_within(Span(None, span.until))))
    if not earlier:
        return 0
    signed = sa.case((transfers.c.debit == account, transfers.c.amount), else_=-transfers.c.amount)
    query = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(signed), 0), sa.BigInteger))
    return int((await conn.execute(query.where(_touches(account), scope, sa.or_(*earlier)))).scalar_one())


def _touches(account: str) -> sa.ColumnElement[bool]:
    return sa.or_(transfers.c.debit == account, transfers.c.credit == account)


def _within(span: Span) -> list[sa.ColumnElement[bool]]:
    found = []
    if span.since is not None:
        found.append(transfers.c.occurred_at >= span.since)
    if span.until is not None:
        found.append(transfers.c.occurred_at < span.until)
    return found


def _place(after: Place) -> sa.Tuple:
    return sa.tuple_(sa.literal(after[0], sa.UUID), sa.literal(after[1], sa.Integer))
