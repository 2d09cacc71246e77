"""The queue of money in suspense: why it waits, since when, who answers for it, and whose turn it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from chassis.http import NOT_FOUND, accepts_command, answer, meta, problems
from chassis.service import App
from contracts.values import PaymentId
from services.payments.api.shapes_astray import CaseShown, CasesShown
from services.payments.api.sight import PAGE, Maker, Reader, in_sight, must_exist
from services.payments.books import waiting_case
from services.payments.commands.payees import TakeCase, take_cases
from services.payments.problems_astray import NOTHING_THERE
from services.payments.queries import shown_astray
from services.payments.tables import suspense

REASON = r"^[a-z][a-z0-9_]{0,63}$"


def router(app: App) -> APIRouter:
    routes, door = APIRouter(prefix="/suspense", tags=["suspense"]), app.command_door(take_cases)

    @routes.get("")
    async def cases(
        principal: Reader,
        *,
        closed: bool = False,
        reason: Annotated[str | None, Query(pattern=REASON)] = None,
        after: UUID | None = None,
    ) -> CasesShown:
        """Money that waits, the oldest first, a page at a time; `closed`: what no longer does."""
        scope = in_sight(principal, suspense)
        async with app.read() as conn:
            found = await shown_astray.cases(conn, scope, closed=closed, reason=reason, after=after, limit=PAGE)
        shown = [_shown(row, app.clock.business()) for row in found]
        return CasesShown(cases=shown, next=shown[-1].payment_id if len(shown) == PAGE else None)

    @routes.post(
        "/{payment_id}/owner",
        openapi_extra=accepts_command(gives=("payment_id", "owner")),
        responses=problems(NOT_FOUND, NOTHING_THERE),
    )
    async def take(request: Request, principal: Maker, payment_id: UUID) -> Response:
        """Whoever asks answers for this money from now on."""
        async with app.read() as conn:
            await must_exist(conn, suspense.c.payment_id, payment_id, in_sight(principal, suspense))
        return await answer(request, principal, door, TakeCase(PaymentId(payment_id), meta(request, principal)))

    return routes


def _shown(row: Mapping[Any, Any], now: datetime) -> CaseShown:
    return CaseShown.model_validate(waiting_case(row, now))
