"""Cases over HTTP: the queue of differences, who has which, and how each ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.problems import Refusal, Rejected
from chassis.service import App
from contracts.values import CaseId, Code, ShortText
from services.payments.api.partner_shapes import PartnerName
from services.payments.api.settlement_shapes import CaseShown, CasesShown, CloseWanted, StatusWanted
from services.payments.commands.settlement.cases import CloseCase, NoteStatus, TakeCase, change_cases
from services.payments.problems import CASE_CLOSED, CASE_NOT_VOIDED, CASE_STATUS_NOT_ASKED
from services.payments.queries import settlement_shown as shown

Clerk = Annotated[Principal, Depends(allow("central"))]
Reader = Annotated[Principal, Depends(allow("central", "operator", "auditor"))]
Limit = Annotated[int, Query(ge=1, le=1_000)]
GIVES = ("case_id",)


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/settlements/cases", tags=["settlements"])
    door = app.command_door(change_cases)

    @routes.get("")
    async def cases(
        principal: Reader,
        partner: PartnerName | None = None,
        kind: Code | None = None,
        owner: ShortText | None = None,
        open: bool = True,
        after: UUID | None = None,
        limit: Limit = 100,
    ) -> CasesShown:
        """Open ones (or, with `open=false`, all), the oldest first."""
        async with app.read() as conn:
            found = await shown.case_list(
                conn, partner=partner, kind=kind, owner=owner, open_only=open, after=after, limit=limit
            )
        items = [_shown(row, app.clock.business()) for row in found]
        return CasesShown(items=items, after=items[-1].case_id if len(items) == limit else None)

    @routes.get("/{case_id}", responses=problems(NOT_FOUND))
    async def case(principal: Reader, case_id: UUID) -> CaseShown:
        async with app.read() as conn:
            found = await shown.case(conn, case_id)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return _shown(found, app.clock.business())

    @routes.post(
        "/{case_id}/take", openapi_extra=accepts_command(gives=GIVES), responses=problems(NOT_FOUND, CASE_CLOSED)
    )
    async def take(request: Request, principal: Clerk, case_id: UUID) -> Response:
        """From now on who asks is its owner."""
        return await answer(request, principal, door, TakeCase(CaseId(case_id), meta(request, principal)))

    @routes.post(
        "/{case_id}/status",
        openapi_extra=accepts_command(StatusWanted, gives=GIVES),
        responses=problems(NOT_FOUND, CASE_CLOSED),
    )
    async def status(request: Request, principal: Clerk, case_id: UUID) -> Response:
        """Notes what the partner says of the payment, asked by its status service or otherwise."""
        wanted = await body(request, StatusWanted)
        command = NoteStatus(CaseId(case_id), wanted.answer, meta(request, principal))
        return await answer(request, principal, door, command)

    @routes.post(
        "/{case_id}/close",
        openapi_extra=accepts_command(CloseWanted, gives=GIVES),
        responses=problems(NOT_FOUND, CASE_CLOSED, CASE_NOT_VOIDED, CASE_STATUS_NOT_ASKED),
    )
    async def close(request: Request, principal: Clerk, case_id: UUID) -> Response:
        """Ends it with an outcome, e.g. `corrected_by_partner`; `voided` only once its payment was taken back."""
        wanted = await body(request, CloseWanted)
        command = CloseCase(CaseId(case_id), wanted.outcome, wanted.evidence, meta(request, principal))
        return await answer(request, principal, door, command)

    return routes


def _shown(row: Mapping[Any, Any], now: datetime) -> CaseShown:
    ends = row["closed_at"] or now
    return CaseShown.model_validate({**row, "age_days": max(0, (ends - row["opened_at"]).days)})
