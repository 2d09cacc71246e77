"""Payouts that wait, for who has the next step in hand: the branch and its head, the Wadah's board, the central office."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query

from chassis.http import within
from chassis.service import App
from contracts.events.incentives import PayoutHindrance
from services.payments.api.incentive_shapes import PayoutsWaiting, PayoutWaiting
from services.payments.api.incentives import PAGE, PLACE, OfWadah, place
from services.payments.api.shapes import Sentences
from services.payments.domain.incentives.payouts import days_overdue, hindrance
from services.payments.queries import incentive_waiting
from services.payments.tables.incentives import wadah_statements

WHAT_TO_DO: Mapping[PayoutHindrance, Sentences] = {
    PayoutHindrance.ACCOUNT_MISSING: Sentences(
        id="Wadah ini belum punya rekening: petugas cabangnya mencatat rekening atas nama Wadah (POST /payee-accounts), "
        "lalu orang kedua memverifikasinya.",
        en="This Wadah has no account: an officer of its branch records one in the Wadah's name (POST /payee-accounts), "
        "then a second person verifies it.",
    ),
    PayoutHindrance.ACCOUNT_NOT_VERIFIED: Sentences(
        id="Rekening Wadah sudah dicatat tetapi belum diverifikasi: kepala cabang memeriksanya "
        "(POST /payee-accounts/{payee_account_id}/verification).",
        en="The Wadah's account is recorded but not verified: the head of the branch checks it "
        "(POST /payee-accounts/{payee_account_id}/verification).",
    ),
    PayoutHindrance.NOT_ORDERED: Sentences(
        id="Perintah transfer dibuat sistem sejak `order_from`, dan dibuat lagi bila yang terakhir gagal; "
        "bila satu jam kemudian belum ada, beri tahu operator.",
        en="The order is given by itself from `order_from` on, and anew if the last one failed; "
        "if there is none an hour later, tell an operator.",
    ),
    PayoutHindrance.NOT_CONFIRMED: Sentences(
        id="Sudah diperintahkan: transfer lewat bank, lalu konfirmasi dengan buktinya "
        "(POST /transfer-orders/{order_id}/confirmation), atau nyatakan gagal (POST /transfer-orders/{order_id}/failure).",
        en="It is ordered: transfer it at the bank, then confirm it with the evidence "
        "(POST /transfer-orders/{order_id}/confirmation), or say that it failed (POST /transfer-orders/{order_id}/failure).",
    ),
}


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["incentives"])

    @routes.get("/incentives/payouts")
    async def payouts(
        principal: OfWadah,
        overdue: Annotated[bool | None, Query(description="only those whose last day is over, or only others")] = None,
        wadah_id: UUID | None = None,
        after: Annotated[str | None, Query(pattern=PLACE)] = None,
    ) -> PayoutsWaiting:
        """What is stated and not with its Wadah yet, the oldest month first: which step is missing, and since when it is late."""
        now = app.clock.business()
        async with app.read() as conn:
            found = await incentive_waiting.waiting(
                conn,
                within(principal, wadah_statements),
                now,
                overdue=overdue,
                wadah_id=wadah_id,
                after=place(after),
                limit=PAGE,
            )
        items = [_waiting(row, now) for row in found]
        last = items[-1] if len(items) == PAGE else None
        return PayoutsWaiting(items=items, next=None if last is None else f"{last.month}:{last.wadah_id}")

    return routes


def _waiting(row: Mapping[Any, Any], now: datetime) -> PayoutWaiting:
    missing = hindrance(ordered=row["ordered"], recorded=row["recorded"], verified=row["verified"])
    return PayoutWaiting.model_validate(
        {
            **row,
            "order_id": row["order_id"] if row["ordered"] else None,
            "overdue": row["pay_by"] <= now,
            "days_overdue": days_overdue(row["pay_by"], now),
            "told_at": row["overdue_at"],
            "hindrance": missing,
            "what_to_do": WHAT_TO_DO[missing],
        }
    )
