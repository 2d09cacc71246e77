"""A copy of everything held about a person over HTTP: asked for, and noted as given, with the hours left (UU 27/2022 Art. 32: 3 × 24 hours).

What is in it is read at `GET /participants/{participant_id}/export` of each service.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.held import PERSON_ERASED, Receives
from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, meta, problems
from chassis.service import App
from contracts.values import ParticipantId
from services.registration import problems as refusals
from services.registration.commands.exporting import ExportCommand, note_given, request_exports
from services.registration.queries import exports as pages

Asks = Annotated[Principal, Depends(allow("agent", "officer", "participant"))]
Reads = Annotated[Principal, Depends(allow("agent", "officer", "checker", "participant", "central", "auditor"))]
Limit = Annotated[int, Query(ge=1, le=200)]


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["participants"])
    requesting = app.command_door(request_exports)
    giving = app.command_door(note_given)

    @routes.post(
        "/participants/{participant_id}/export",
        status_code=202,
        openapi_extra=accepts_command(gives=("participant_id", "export_id", "status", "due_by"), status=202),
        responses=problems(NOT_FOUND, PERSON_ERASED),
    )
    async def ask(participant_id: ParticipantId, request: Request, principal: Asks) -> Response:
        """The person asks for a copy of everything held, by themselves, through their agent or at the branch. The 72 hours begin."""
        command = ExportCommand(meta(request, principal), principal, participant_id)
        return await answer(request, principal, requesting, command)

    @routes.post(
        "/participants/{participant_id}/export/given",
        openapi_extra=accepts_command(gives=("participant_id", "export_id", "status")),
        responses=problems(NOT_FOUND, refusals.EXPORT_NOT_ASKED),
    )
    async def given(participant_id: ParticipantId, request: Request, principal: Receives) -> Response:
        """The person has the copy. Said by who handed it over, or by the person."""
        command = ExportCommand(meta(request, principal), principal, participant_id)
        return await answer(request, principal, giving, command)

    @routes.get("/exports")
    async def listed(
        principal: Reads, participant_id: ParticipantId | None = None, open: bool = False, limit: Limit = 50
    ) -> dict[str, Any]:
        """Requests within the caller's scope, those still owed and nearest to the end of the duty first."""
        async with app.read() as conn:
            items = await pages.listed(
                conn, principal, app.clock.business(), participant_id=participant_id, only_open=open, limit=limit
            )
        return {"items": items}

    return routes
