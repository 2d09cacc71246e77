"""Payouts of Wadah's statements with the orders that carry them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.astray import PayeeKind, TransferPurpose
from contracts.values import ContributionMonth, PayeeAccountId, WadahId
from services.payments.tables import payee_accounts, transfer_orders
from services.payments.tables.incentives import agreements, wadah_statements

KEY = sa.cast(wadah_statements.c.wadah_id, sa.Text).concat(":").concat(wadah_statements.c.month)
"""Wadah and month, as in stream `incentives`; it is the order's reference too."""
_FAILED, _CONFIRMED = "FAILED", "CONFIRMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """`paid_on`: the WIB day on which the order in force left our account, once confirmed and while that is not noted yet.

    `untold`: nothing confirms it, and nobody was told that `pay_by` passed.
    """

    wadah_id: WadahId
    branch_id: UUID
    month: ContributionMonth
    amount: int
    order_id: UUID | None
    to_order: bool
    paid_on: date | None
    pay_by: datetime
    untold: bool


def with_orders() -> sa.Join:
    """`wadah_statements` with the last order for each, if there is one."""
    t = transfer_orders
    return wadah_statements.outerjoin(t, sa.and_(t.c.purpose == str(TransferPurpose.INCENTIVE), t.c.reference == KEY))


def is_to_order() -> sa.ColumnElement[bool]:
    w = wadah_statements
    again = sa.and_(transfer_orders.c.status == _FAILED, transfer_orders.c.order_id == w.c.order_id)
    return sa.and_(
        w.c.paid_at.is_(None), w.c.payout > 0, sa.or_(w.c.order_id.is_(None), sa.func.coalesce(again, False))
    )


def is_confirmed() -> sa.ColumnElement[bool]:
    w = wadah_statements
    this = transfer_orders.c.order_id == w.c.order_id
    return sa.and_(w.c.paid_at.is_(None), this, transfer_orders.c.status == _CONFIRMED)


def is_unpaid() -> sa.ColumnElement[bool]:
    """There is something to pay out and no evidence that it was, noted or not."""
    w = wadah_statements
    return sa.and_(w.c.paid_at.is_(None), w.c.payout > 0, sa.not_(sa.func.coalesce(is_confirmed(), False)))


async def to_order(conn: AsyncConnection, now: datetime, limit: int, held_back: sa.ColumnElement[bool]) -> list[str]:
    """Keys Wadah:month whose payout is to be ordered by now, the oldest first."""
    w = wadah_statements
    query = sa.select(KEY.label("key")).select_from(with_orders())
    query = query.where(is_to_order(), w.c.order_from <= now, sa.not_(held_back))
    return [row.key for row in await conn.execute(query.order_by(w.c.order_from, w.c.wadah_id).limit(limit))]


async def to_note(conn: AsyncConnection, limit: int, held_back: sa.ColumnElement[bool]) -> list[str]:
    """Keys Wadah:month whose order was confirmed."""
    query = sa.select(KEY.label("key")).select_from(with_orders()).where(is_confirmed(), sa.not_(held_back))
    return [row.key for row in await conn.execute(query.order_by(KEY).limit(limit))]


async def payouts(conn: AsyncConnection, keys: Iterable[str]) -> dict[str, Payout]:
    """By key, for deciding."""
    w = wadah_statements
    parts = [key.partition(":") for key in keys]
    confirmed = sa.case((is_confirmed(), transfer_orders.c.paid_on))
    query = (
        sa.select(
            w.c.wadah_id,
            w.c.branch_id,
            w.c.month,
            w.c.payout,
            w.c.order_id,
            is_to_order().label("to_order"),
            confirmed.label("paid_on"),
            w.c.pay_by,
            sa.and_(is_unpaid(), w.c.overdue_at.is_(None)).label("untold"),
        )
        .select_from(with_orders())
        .where(
            rows.matching(w.c.wadah_id, {UUID(wadah) for wadah, _, _ in parts}),
            rows.matching(w.c.month, {month for _, _, month in parts}),
        )
    )
    return {f"{row['wadah_id']}:{row['month']}": _payout(row) for row in (await conn.execute(query)).mappings()}


def _payout(row: Any) -> Payout:
    return Payout(
        wadah_id=WadahId(row["wadah_id"]),
        branch_id=row["branch_id"],
        month=ContributionMonth.parse(row["month"]),
        amount=row["payout"],
        order_id=row["order_id"],
        to_order=row["to_order"],
        paid_on=row["paid_on"],
        pay_by=row["pay_by"],
        untold=row["untold"],
    )


def of_own_branch() -> sa.ColumnElement[bool]:
    """Over `payee_accounts` and `agreements`: an account of that Wadah, recorded by its own branch and not retired."""
    p = payee_accounts
    own = sa.and_(agreements.c.wadah_id == p.c.owner_id, agreements.c.branch_id == p.c.branch_id)
    return sa.and_(own, p.c.kind == str(PayeeKind.WADAH), p.c.retired_for.is_(None))


async def verified_accounts(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[WadahId, PayeeAccountId]:
    """The newest account of each Wadah that a second person has verified and that is not retired; recorded by its own branch, nobody else's."""
    p = payee_accounts
    query = (
        sa.select(p.c.owner_id, p.c.payee_account_id)
        .ext(distinct_on(p.c.owner_id))
        .join(agreements, of_own_branch())
        .where(rows.matching(p.c.owner_id, wanted), p.c.verified_by.is_not(None))
        .order_by(p.c.owner_id, p.c.payee_account_id.desc())
    )
    return {WadahId(r.owner_id): PayeeAccountId(r.payee_account_id) for r in await conn.execute(query)}
