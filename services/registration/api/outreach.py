"""Outreach sessions over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.problems import Refusal, Rejected
from chassis.service import App
from contracts.values import OutreachId
from services.registration import problems as refusals
from services.registration.commands.outreach import (
    Cancel,
    Hold,
    Join,
    PlanningOutreach,
    PlanOutreach,
    StepOfOutreach,
    step_outreach,
)
from services.registration.forms import CancellationForm, HeldForm, JoinForm, OutreachForm
from services.registration.queries import agency_pages

Plans = Annotated[Principal, Depends(allow("agent", "coordinator", "officer"))]
Joins = Annotated[Principal, Depends(allow("officer", "checker"))]
Reads = Annotated[Principal, Depends(allow("agent", "coordinator", "officer", "checker", "central", "auditor"))]


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["outreach"])
    planning = app.command_door(PlanningOutreach(app.vault))
    stepping = app.command_door(step_outreach)

    async def step(
        request: Request, principal: Principal, outreach_id: OutreachId, taken: Join | Hold | Cancel
    ) -> Response:
        command = StepOfOutreach(meta(request, principal), principal, outreach_id, taken)
        return await answer(request, principal, stepping, command)

    @routes.post(
        "/outreach",
        status_code=201,
        openapi_extra=accepts_command(OutreachForm, gives=("outreach_id", "status"), status=201),
        responses=problems(refusals.WADAH_UNKNOWN, refusals.OUTREACH_AGENTS, refusals.OUTREACH_TIMES),
    )
    async def plan(request: Request, principal: Plans) -> Response:
        """Plans a session; of kind JOINT it asks the branch to take part."""
        form = await body(request, OutreachForm)
        command = PlanOutreach(
            meta=meta(request, principal),
            principal=principal,
            wadah_id=form.wadah_id,
            kind=form.kind,
            place=form.place,
            starts_at=form.starts_at,
            ends_at=form.ends_at,
            audience=tuple(form.audience),
            agents=tuple(form.agents),
            officers=tuple(form.officers),
        )
        return await answer(request, principal, planning, command)

    @routes.post(
        "/outreach/{outreach_id}/join",
        openapi_extra=accepts_command(JoinForm, gives=("outreach_id", "status")),
        responses=problems(NOT_FOUND, refusals.OUTREACH_STEP, refusals.OUTREACH_OFFICERS),
    )
    async def join(outreach_id: OutreachId, request: Request, principal: Joins) -> Response:
        """The branch confirms its presence and names its officers."""
        form = await body(request, JoinForm)
        return await step(request, principal, outreach_id, Join(tuple(form.officers)))

    @routes.post(
        "/outreach/{outreach_id}/held",
        openapi_extra=accepts_command(HeldForm, gives=("outreach_id", "status")),
        responses=problems(NOT_FOUND, refusals.OUTREACH_STEP, refusals.OUTREACH_EARLY),
    )
    async def held(outreach_id: OutreachId, request: Request, principal: Plans) -> Response:
        form = await body(request, HeldForm)
        return await step(request, principal, outreach_id, Hold(form.head_count, form.questions))

    @routes.post(
        "/outreach/{outreach_id}/cancellation",
        openapi_extra=accepts_command(CancellationForm, gives=("outreach_id", "status")),
        responses=problems(NOT_FOUND, refusals.OUTREACH_STEP),
    )
    async def cancel(outreach_id: OutreachId, request: Request, principal: Plans) -> Response:
        form = await body(request, CancellationForm)
        return await step(request, principal, outreach_id, Cancel(form.reason))

    @routes.get("/outreach")
    async def sessions(principal: Reads) -> dict[str, Any]:
        async with app.read() as conn:
            return {"items": await agency_pages.listed_outreach(conn, principal)}

    @routes.get("/outreach/{outreach_id}", responses=problems(NOT_FOUND))
    async def session(outreach_id: OutreachId, principal: Reads) -> dict[str, Any]:
        async with app.read() as conn:
            found = await agency_pages.one_outreach(conn, principal, outreach_id)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return dict(found)

    return routes
