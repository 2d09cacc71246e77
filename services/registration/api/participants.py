"""Participants over HTTP: registered by an agent, a branch officer or the person; listed and read within scope."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts, accepts_command, allow, answer, body, direct, meta, problems
from chassis.problems import FORBIDDEN, Refusal, Rejected
from chassis.service import App
from contracts.events.participants import Entry
from contracts.values import AgentId, BranchId, ParticipantId, WadahId
from services.registration import problems as refusals
from services.registration.commands.correcting import CorrectParticipant, correct_participants
from services.registration.commands.protection import CloseParticipation, ClosingParticipations
from services.registration.commands.registering import (
    Bringer,
    Registering,
    RegisteringOnline,
    RegisterParticipant,
)
from services.registration.forms import ClosureForm, CorrectionForm, NikForm, RegistrationForm
from services.registration.queries import pages
from services.registration.queries.pages import Filter

Registers = Annotated[Principal, Depends(allow("agent", "officer", "participant"))]
ALL_OVER = ("central", "auditor", "operator", "service")
Reads = Annotated[Principal, Depends(allow("agent", "officer", "checker", "participant", *ALL_OVER))]
Counts = Annotated[Principal, Depends(allow("agent", "coordinator", "officer", "checker", *ALL_OVER))]
Searches = Annotated[Principal, Depends(allow("officer", "checker"))]
Closes = Annotated[Principal, Depends(allow("checker"))]
Limit = Annotated[int, Query(ge=1, le=200)]


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["participants"])
    registering = app.command_door(RegisteringOnline(Registering(app.vault, app.numbers)))
    correcting = app.command_door(correct_participants)
    closing = app.command_door(ClosingParticipations(app.vault))

    @routes.post(
        "/participants",
        status_code=201,
        openapi_extra=accepts_command(
            RegistrationForm, gives=("participant_id", "contribution_code", "payable", "warnings[]"), status=201
        ),
        responses=problems(
            refusals.NIK_FORMAT,
            refusals.NIK_REGISTERED,
            refusals.REACTIVATION_OFFERED,
            refusals.AGENT_NOT_ACTIVE,
            refusals.CONSENT_MISSING,
        ),
    )
    @direct
    async def register(request: Request, principal: Registers) -> Response:
        """Registers one person. The answer holds the contribution code; `payable` is pending until the bill is
        issued.
        """
        form = await body(request, RegistrationForm)
        by = bringer(principal, Entry.ONLINE, form.branch_id)
        command = RegisterParticipant(form.to_domain(), by, meta(request, principal))
        return await answer(request, principal, registering, command)

    @routes.get("/participants")
    async def listed(
        principal: Reads,
        status: Filter | None = None,
        cursor: ParticipantId | None = None,
        limit: Limit = 50,
    ) -> dict[str, Any]:
        """The participants of the caller's scope, newest first, with `protected_until` (last day) and
        `message_failed`.
        """
        async with app.read() as conn:
            page = await pages.listed(conn, app.vault, principal, status=status, after=cursor, limit=limit)
        return {"items": page.items, "cursor": page.cursor}

    @routes.get("/participants/counts")
    async def counts(principal: Counts) -> dict[str, int]:
        """How many participants of the caller's scope stand how."""
        async with app.read() as conn:
            return await pages.counted(conn, principal)

    @routes.post("/participants/search", openapi_extra=accepts(NikForm))
    async def search(request: Request, principal: Searches) -> dict[str, Any]:
        """Finds registrations by NIK. The NIK travels in the body, never in an address, and is looked up by its keyed
        hash.
        """
        wanted = await body(request, NikForm)
        async with app.read() as conn:
            return {"items": await pages.found_by_nik(conn, app.vault, principal, wanted.nik)}

    @routes.get("/participants/{participant_id}", responses=problems(NOT_FOUND))
    async def one(participant_id: ParticipantId, principal: Reads) -> dict[str, Any]:
        async with app.read() as conn:
            found = await pages.one(conn, app.vault, principal, participant_id)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return found

    @routes.post(
        "/participants/{participant_id}/correction",
        openapi_extra=accepts_command(CorrectionForm, gives=("participant_id",)),
        responses=problems(
            NOT_FOUND,
            refusals.CORRECTION_STEP,
            refusals.INCOME_NOT_POSITIVE,
            refusals.PROGRAMMES_BUNDLE,
            refusals.JHT_COMPULSORY,
        ),
    )
    async def correct(participant_id: ParticipantId, request: Request, principal: Registers) -> Response:
        """Corrects what the contribution follows from; it counts from the first contribution month not yet paid."""
        form = await body(request, CorrectionForm)
        command = CorrectParticipant(meta(request, principal), principal, participant_id, form.to_domain())
        return await answer(request, principal, correcting, command)

    @routes.post(
        "/participants/{participant_id}/closure",
        openapi_extra=accepts_command(ClosureForm, gives=("participant_id",)),
        responses=problems(NOT_FOUND, refusals.CLOSURE_DATE, refusals.CLOSURE_STEP),
    )
    async def close(participant_id: ParticipantId, request: Request, principal: Closes) -> Response:
        """Records a death: protection ends on that day, and no payment starts anything afterwards."""
        form = await body(request, ClosureForm)
        command = CloseParticipation(meta(request, principal), principal, participant_id, form.died_on)
        return await answer(request, principal, closing, command)

    return routes


def bringer(principal: Principal, entry: Entry, branch_id: BranchId | None) -> Bringer:
    """Who registers, by role. Raises Refusal: a role without its scope in the token, or a branch where the token
    names one.
    """
    if "agent" in principal.roles:
        if principal.agent_id is None or principal.wadah_id is None:
            raise Refusal(Rejected(FORBIDDEN))
        by = Bringer(
            actor=principal.subject,
            channel="agent",
            entry=entry,
            agent_id=AgentId(principal.agent_id),
            wadah_id=WadahId(principal.wadah_id),
        )
    elif "officer" in principal.roles:
        if principal.branch_id is None:
            raise Refusal(Rejected(FORBIDDEN))
        by = Bringer(actor=principal.subject, channel="branch", entry=entry, branch_id=BranchId(principal.branch_id))
    else:
        return Bringer(actor=principal.subject, channel="self", entry=entry, branch_id=branch_id)
    if branch_id is not None:
        raise Refusal(Rejected(refusals.BRANCH_NOT_ACCEPTED, "branch_id"))
    return by
