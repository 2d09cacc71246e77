"""Alih binaan over HTTP: asked for by the agent, the board or an officer, decided by the branch head."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.problems import INVALID
from chassis.service import App
from contracts.values import ReassignmentId
from services.registration import problems as refusals
from services.registration.commands.reassigning import (
    DecideReassignment,
    DecidingReassignments,
    ProposeReassignment,
    ProposingReassignments,
)
from services.registration.forms import ReassignmentForm, RefusalForm
from services.registration.queries import agency_pages

Asks = Annotated[Principal, Depends(allow("agent", "coordinator", "officer"))]
Head = Annotated[Principal, Depends(allow("checker"))]
Reads = Annotated[Principal, Depends(allow("officer", "checker", "central", "auditor"))]
GIVES = ("reassignment_id", "status")


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/reassignments", tags=["participants"])
    proposing = app.command_door(ProposingReassignments(app.vault))
    deciding = app.command_door(DecidingReassignments(app.vault))

    async def decide(
        request: Request, principal: Principal, reassignment_id: ReassignmentId, refused_for: str | None
    ) -> Response:
        command = DecideReassignment(meta(request, principal), principal, reassignment_id, refused_for)
        return await answer(request, principal, deciding, command)

    @routes.post(
        "",
        status_code=201,
        openapi_extra=accepts_command(ReassignmentForm, gives=GIVES, status=201),
        responses=problems(INVALID, refusals.NOT_A_MANAGER),
    )
    async def propose(request: Request, principal: Asks) -> Response:
        """Asks that another agent, or the branch, look after these participants; nothing changes until it is approved."""
        form = await body(request, ReassignmentForm)
        command = ProposeReassignment(
            meta(request, principal), principal, tuple(form.participants), form.agent_id, form.reason
        )
        return await answer(request, principal, proposing, command)

    @routes.get("")
    async def listed(principal: Reads) -> dict[str, Any]:
        """Those of the caller's branch, newest first."""
        async with app.read() as conn:
            return {"items": await agency_pages.listed_reassignments(conn, principal)}

    @routes.post(
        "/{reassignment_id}/approval",
        openapi_extra=accepts_command(gives=GIVES),
        responses=problems(NOT_FOUND, refusals.REASSIGNMENT_DECIDED, refusals.SAME_PERSON, refusals.NOT_A_MANAGER),
    )
    async def approve(reassignment_id: ReassignmentId, request: Request, principal: Head) -> Response:
        """They pass on from the next contribution month on. Never by whoever proposed it."""
        return await decide(request, principal, reassignment_id, None)

    @routes.post(
        "/{reassignment_id}/refusal",
        openapi_extra=accepts_command(RefusalForm, gives=GIVES),
        responses=problems(NOT_FOUND, refusals.REASSIGNMENT_DECIDED),
    )
    async def refuse(reassignment_id: ReassignmentId, request: Request, principal: Head) -> Response:
        form = await body(request, RefusalForm)
        return await decide(request, principal, reassignment_id, form.reason)

    return routes
