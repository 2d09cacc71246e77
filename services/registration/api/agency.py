"""Branches and Wadah over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.problems import FORBIDDEN, Refusal, Rejected
from chassis.service import App
from contracts.values import BranchId, WadahId
from services.registration import problems as refusals
from services.registration.commands.agency import (
    EndWadah,
    EngageWadah,
    OpenBranch,
    RenewAgreement,
    end_wadah,
    engage_wadah,
    open_branches,
    renew_agreements,
)
from services.registration.domain.calendar import wib_date
from services.registration.forms import AgreementForm, BranchForm, WadahEndForm, WadahForm
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
    renewing = app.command_door(renew_agreements)

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
        command = EngageWadah(meta(request, principal), BranchId(principal.branch_id), form.name, form.agreement())
        return await answer(request, principal, engaging, command)

    @routes.get("/wadah")
    async def wadah(
        principal: SeesWadah,
        renewal_due: Annotated[
            bool | None, Query(description="only those whose last agreement ends soon or is over, or only others")
        ] = None,
    ) -> dict[str, Any]:
        """Each with the agreement in force today (else the last that was, else its first), and with all of them.

        `renewal_due`: what to do where the last one ends without a renewal, from some days before on.
        """
        today = wib_date(app.clock.business())
        async with app.read() as conn:
            return {"items": await agency_pages.listed_wadah(conn, principal, today, renewal_due=renewal_due)}

    @routes.post(
        "/wadah/{wadah_id}/agreements",
        status_code=201,
        openapi_extra=accepts_command(AgreementForm, gives=("wadah_id", "agreement#"), status=201),
        responses=problems(
            NOT_FOUND,
            refusals.AGREEMENT_DATES,
            refusals.AGREEMENT_TOO_LONG,
            refusals.AGREEMENT_NUMBER_TAKEN,
            refusals.AGREEMENT_OVERLAPS,
        ),
    )
    async def renew(wadah_id: WadahId, request: Request, principal: Branch) -> Response:
        """Renews: the next agreement (PKS) begins after the last day of the one before, and may be concluded ahead."""
        form = await body(request, AgreementForm)
        command = RenewAgreement(meta(request, principal), principal, wadah_id, form.agreement())
        return await answer(request, principal, renewing, command)

    @routes.post(
        "/wadah/{wadah_id}/end",
        openapi_extra=accepts_command(WadahEndForm, gives=("wadah_id",)),
        responses=problems(NOT_FOUND, refusals.WADAH_ENDED, refusals.WADAH_END_DATE),
    )
    async def end(wadah_id: WadahId, request: Request, principal: Head) -> Response:
        """Ends the agreement at 24:00 WIB of `ended_on`, and with it one that was to follow; its agents register nobody afterwards."""
        form = await body(request, WadahEndForm)
        command = EndWadah(meta(request, principal), principal, wadah_id, form.ended_on, form.reason)
        return await answer(request, principal, ending, command)

    return routes
