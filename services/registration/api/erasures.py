"""Erasure over HTTP: asked for by the central office (UU 27/2022 Art. 43), with the hours that are left of the duty (Art. 40: 3 × 24 hours)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.service import App
from contracts.values import ParticipantId
from services.registration import problems as refusals
from services.registration.commands.erasing import RequestErasure, RequestingErasures
from services.registration.forms import ErasureForm
from services.registration.queries import erasures as pages

Asks = Annotated[Principal, Depends(allow("central"))]
Reads = Annotated[Principal, Depends(allow("central", "auditor"))]
Limit = Annotated[int, Query(ge=1, le=200)]


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["participants"])
    requesting = app.command_door(RequestingErasures(app.vault))

    @routes.post(
        "/participants/{participant_id}/erasure",
        status_code=202,
        openapi_extra=accepts_command(
            ErasureForm, gives=("participant_id", "erasure_id", "status", "due_by"), status=202
        ),
        responses=problems(NOT_FOUND, refusals.ERASURE_REFUSED),
    )
    async def erase(participant_id: ParticipantId, request: Request, principal: Asks) -> Response:
        """Asks that a person be erased for good. Refused with every obstacle that registration knows; what others hold shows in the list."""
        form = await body(request, ErasureForm)
        command = RequestErasure(meta(request, principal), principal, participant_id, form.ground)
        return await answer(request, principal, requesting, command)

    @routes.get("/erasures")
    async def listed(
        principal: Reads, participant_id: ParticipantId | None = None, open: bool = False, limit: Limit = 50
    ) -> dict[str, Any]:
        """Requests, the open ones and those nearest to the end of the duty first: what became of each, and why."""
        async with app.read() as conn:
            items = await pages.listed(
                conn, app.clock.business(), participant_id=participant_id, only_open=open, limit=limit
            )
        return {"items": items}

    return routes
