"""Branches and Wadah over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.problems import FORBIDDEN, Refusal, Rejected
from chassis.service import App
from contracts.values import BranchId, WadahId
from services.registration import problems as refusals
from services.registration.commands.agency import (
    EndWadah,
    EngageWadah,
    OpenBranch,
    end_wadah,
    engage_wadah,
    open_branches,
)
from services.registration.forms import BranchForm, WadahEndForm, WadahForm
from services.registration.queries import agency_pages

ANYBODY = ("agent", "coordinator", "officer", "checker", "participant", "central", "auditor", "operator")
Central = Annotated[Principal, Depends(allow("central"))]
Anybody = Annotated[Principal, Depends(allow(*ANYBODY))]
Branch = Annotated[Principal, Depends(allow("officer", "checker"))]
Head = Annotated[Principal, Depends(allow("checker"))]
SeesWadah = Annotated[Principal, Depends(allow("agent", "coordinator", "officer", "checker", "central", "auditor"))]


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["agency"])
    opening = app.command_door(open_branches)
    engaging, ending = app.command_door(engage_wadah), app.command_door(end_wadah)

    @routes.post(
        "/branches",
        status_code=201,
        openapi_extra=accepts_command(BranchForm, gives=("branch_id",), status=201),
        responses=problems(refusals.BRANCH_CODE_TAKEN, refusals.TIME_ZONE_UNKNOWN),
    )
    async def open_branch(request: Request, principal: Central) -> Response:
        form = await body(request, BranchForm)
        command = OpenBranch(meta(request, principal), form.code, form.name, form.city, form.time_zone)
        return await answer(request, principal, opening, command)

    @routes.get("/branches")
    async def branches(_: Anybody) -> dict[str, Any]:
        async with app.read() as conn:
            return {"items": await agency_pages.all_branches(conn)}

    @routes.post(
        "/wadah",
        status_code=201,
        openapi_extra=accepts_command(WadahForm, gives=("wadah_id",), status=201),
        responses=problems(refusals.AGREEMENT_DATES, refusals.AGREEMENT_TOO_LONG, refusals.AGREEMENT_NUMBER_TAKEN),
    )
    async def engage(request: Request, principal: Branch) -> Response:
        """Binds a Wadah to the caller's branch by an agreement (PKS)."""
        form = await body(request, WadahForm)
        if principal.branch_id is None:
            raise Refusal(Rejected(FORBIDDEN))
        command = EngageWadah(
            meta(request, principal),
            BranchId(principal.branch_id),
            form.name,
            form.agreement_number,
            form.scheme,
            form.term_from,
            form.term_to,
            form.monthly_target,
        )
        return await answer(request, principal, engaging, command)

    @routes.get("/wadah")
    async def wadah(principal: SeesWadah) -> dict[str, Any]:
        async with app.read() as conn:
            return {"items": await agency_pages.listed_wadah(conn, principal)}

    @routes.post(
        "/wadah/{wadah_id}/end",
        openapi_extra=accepts_command(WadahEndForm, gives=("wadah_id",)),
        responses=problems(NOT_FOUND, refusals.WADAH_ENDED, refusals.WADAH_END_DATE),
    )
    async def end(wadah_id: WadahId, request: Request, principal: Head) -> Response:
        """Ends the agreement at 24:00 WIB of `ended_on`; its agents register nobody afterwards."""
        form = await body(request, WadahEndForm)
        command = EndWadah(meta(request, principal), principal, wadah_id, form.ended_on, form.reason)
        return await answer(request, principal, ending, command)

    return routes
