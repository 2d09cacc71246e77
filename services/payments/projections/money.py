"""Payments and suspense, written straight from their events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Recorded
from contracts.events.contributions import (
    ContributionPaid,
    ContributionReversed,
    PaymentUnmatched,
)
from contracts.values import PaymentId
from services.payments import tables
from services.payments.store import charges_json

_MOVES_MONEY = frozenset({ContributionPaid, ContributionReversed, PaymentUnmatched})


async def payments_and_suspense(conn: AsyncConnection, recorded: Sequence[Recorded]) -> None:
    events = [r for r in recorded if type(r.event) in _MOVES_MONEY]
    if events:
        await _payments(conn, events)
        await _suspense(conn, events)


async def _payments(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    posted = {r.event.payment_id: _payment(r.event) for r in events if isinstance(r.event, ContributionPaid)}
    taken_back = {r.event.payment_id: r.event.reason for r in events if isinstance(r.event, ContributionReversed)}
    earlier: dict[PaymentId, dict[str, Any]] = {}
    if known := taken_back.keys() - posted.keys():
        query = sa.select(tables.payments).where(rows.matching(tables.payments.c.payment_id, known))
        earlier = {row["payment_id"]: dict(row) for row in (await conn.execute(query)).mappings()}
    order = ("partner", "channel_reference")
    await rows.insert(conn, tables.payments, _with_reasons(posted, taken_back), order=order)
    await rows.upsert(conn, tables.payments, _with_reasons(earlier, taken_back), order=order)


def _with_reasons(
    found: Mapping[PaymentId, dict[str, Any]], taken_back: Mapping[PaymentId, str]
) -> list[dict[str, Any]]:
    return [row | {"reversed_for": taken_back.get(payment_id)} for payment_id, row in found.items()]


def _payment(event: ContributionPaid) -> dict[str, Any]:
    return {
        "payment_id": event.payment_id,
        "partner": event.partner,
        "channel_reference": event.channel_reference,
        "channel": event.channel,
        "participant_id": event.participant_id,
        "bill_id": event.bill_id,
        "kind": str(event.kind),
        "amount": event.amount,
        "months": charges_json(event.months),
        "effective_at": event.effective_at,
        "posted_at": event.posted_at,
        "reversed_for": None,
    }


async def _suspense(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
    found = [
        {
            "partner": event.partner,
            "channel_reference": event.channel_reference,
            "payment_id": event.payment_id,
            "bill_id": event.bill_id,
            "channel": event.channel,
            "participant_id": event.participant_id,
            "amount": event.amount,
            "reason": event.reason,
            "effective_at": event.effective_at,
            "since": recorded.envelope.occurred_at,
            "branch_id": recorded.envelope.branch_id,
        }
        for recorded in events
        if isinstance(event := recorded.event, PaymentUnmatched)
    ]
    await rows.upsert(conn, tables.suspense, found)
