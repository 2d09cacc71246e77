"""Receipts by the partner's own reference, or by a further name of theirs: what is booked already, whatever door it came through."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.domain.paying import Posted
from services.payments.domain.resolving import OUT_OF_SUSPENSE
from services.payments.domain.settlement.differences import OWN_REFERENCE
from services.payments.domain.suspense import VOIDED
from services.payments.store import posted_of
from services.payments.tables import payments, receipt_names, settlement_lines, suspense

Reference = tuple[str, str]
"""(partner, its own id of a payment)."""

Said = tuple[str, UUID, str, int, datetime]
"""(partner, whom or what was paid for, the bill's own number or "", amount, the partner's time to the second)."""


@dataclass(frozen=True, slots=True)
class Booked:
    """One receipt. `waits_for`: why it is or was in suspense; None when it never was, or was found never to have come."""

    posted: Posted
    waits_for: str | None


def came_by_a_channel(receipts: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the receipt's money came by a channel, and with it; that of one out of suspense came before."""
    return receipts.c.channel_reference != sa.literal(OUT_OF_SUSPENSE) + sa.cast(receipts.c.payment_id, sa.Text)


def is_of_a_partner(receipts: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the receipt bears the partner's reference, and not one of ours: out of suspense, or of a line that two people booked."""
    booked = receipts.c.channel_reference != sa.literal(OWN_REFERENCE) + sa.cast(receipts.c.payment_id, sa.Text)
    return sa.and_(came_by_a_channel(receipts), booked)


async def booked_under(conn: AsyncConnection, references: Collection[Reference]) -> dict[Reference, Booked]:
    """The receipts of these references. One statement for any number."""
    ordered = sorted(references)
    asked = sa.select(
        sa.func.unnest(sa.cast([partner for partner, _ in ordered], sa.ARRAY(sa.Text))).label("partner"),
        sa.func.unnest(sa.cast([reference for _, reference in ordered], sa.ARRAY(sa.Text))).label("reference"),
    ).subquery()
    names = sa.and_(receipt_names.c.partner == asked.c.partner, receipt_names.c.reference == asked.c.reference)
    under = sa.union_all(
        sa.select(asked.c.reference.label("asked"), payments.c.payment_id).join(
            payments,
            sa.and_(payments.c.partner == asked.c.partner, payments.c.channel_reference == asked.c.reference),
        ),
        sa.select(asked.c.reference, receipt_names.c.payment_id).join(receipt_names, names),
    ).subquery()
    waits_for = sa.case((suspense.c.outcome == VOIDED, None), else_=suspense.c.reason).label("waits_for")
    query = (
        sa.select(payments, waits_for, under.c.asked)
        .join(under, payments.c.payment_id == under.c.payment_id)
        .outerjoin(
            suspense,
            sa.and_(
                suspense.c.partner == payments.c.partner, suspense.c.channel_reference == payments.c.channel_reference
            ),
        )
    )
    found = (await conn.execute(query)).mappings()
    return {(row["partner"], row["asked"]): Booked(posted_of(row), row["waits_for"]) for row in found}


async def unnamed(conn: AsyncConnection, wanted: Collection[Said], channel: str) -> dict[Said, Posted]:
    """Receipts booked from lines without the partner's id of the payment, that no call has named yet; the latest of several.

    One statement for any number; each way to a receipt has an index of its own.
    """
    ordered = sorted(wanted)
    types: tuple[Any, ...] = (
        sa.Text,
        payments.c.participant_id.type,
        sa.Text,
        sa.BigInteger,
        sa.TIMESTAMP(timezone=True),
    )
    columns = [
        sa.func.unnest(sa.cast([row[place] for row in ordered], sa.ARRAY(type_))).label(name)
        for place, (name, type_) in enumerate(zip(("partner", "target", "number", "amount", "at"), types, strict=True))
    ]
    asked = sa.select(*columns).subquery()
    whole = sa.and_(payments.c.bill_id == asked.c.target, payments.c.participant_id.is_(None))
    ways = (payments.c.participant_id == asked.c.target, payments.c.agent_id == asked.c.target, whole)
    query = sa.union_all(*(_unnamed(asked, way, channel) for way in ways))
    found = [dict(row) for row in (await conn.execute(query)).mappings()]
    found.sort(key=lambda row: (row["posted_at"], row["payment_id"]))
    return {
        (row["partner"], row["target"], row["number"] or "", row["amount"], row["at"]): posted_of(row) for row in found
    }


def _unnamed(asked: sa.Subquery, way: sa.ColumnElement[bool], channel: str) -> sa.Select[tuple[object, ...]]:
    line = settlement_lines
    listed = sa.exists().where(
        line.c.partner == payments.c.partner, line.c.reference == payments.c.channel_reference, line.c.unnamed
    )
    named = sa.exists().where(receipt_names.c.payment_id == payments.c.payment_id)
    return sa.select(asked.c.target, asked.c.at, payments).where(
        way,
        payments.c.partner == asked.c.partner,
        payments.c.amount == asked.c.amount,
        sa.func.coalesce(payments.c.number, "") == asked.c.number,
        payments.c.effective_at >= asked.c.at,
        payments.c.effective_at < asked.c.at + timedelta(seconds=1),
        payments.c.channel == channel,
        payments.c.share_of.is_(None),
        is_of_a_partner(payments),
        listed,
        sa.not_(named),
    )
