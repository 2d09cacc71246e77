"""Agents over HTTP: proposed by the Wadah's board, certified by an officer, activated by the branch head."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.problems import FORBIDDEN, Refusal, Rejected
from chassis.service import App
from contracts.values import AgentId, WadahId
from services.registration import problems as refusals
from services.registration.commands.agents import (
    Activate,
    ApproveDeparture,
    Certify,
    ProposeAgent,
    ProposeDeparture,
    ProposingAgents,
    RefuseDeparture,
    Reinstate,
    Step,
    StepOfAgent,
    SteppingAgents,
    Suspend,
)
from services.registration.forms import AgentForm, CertificationForm, DepartureForm, RefusalForm, SuspensionForm
from services.registration.queries import agency_pages

Board = Annotated[Principal, Depends(allow("coordinator"))]
Officer = Annotated[Principal, Depends(allow("officer"))]
Asks = Annotated[Principal, Depends(allow("coordinator", "officer"))]
Head = Annotated[Principal, Depends(allow("checker"))]
Reads = Annotated[Principal, Depends(allow("agent", "coordinator", "officer", "checker", "central", "auditor"))]

UNFIT = (
    refusals.AGENT_STEP,
    refusals.AGENT_UNDER_AGE,
    refusals.AGENT_PARTICIPATION_NOT_ACTIVE,
    refusals.AGREEMENT_NOT_IN_FORCE,
)


def router(app: App) -> APIRouter:
    routes = APIRouter(tags=["agents"])
    proposing = app.command_door(ProposingAgents(app.vault, app.numbers))
    stepping = app.command_door(SteppingAgents(app.vault))

    async def step(request: Request, principal: Principal, agent_id: AgentId, taken: Step) -> Response:
        command = StepOfAgent(meta(request, principal), principal, agent_id, taken)
        return await answer(request, principal, stepping, command)

    @routes.post(
        "/agents",
        status_code=201,
        openapi_extra=accepts_command(AgentForm, gives=("agent_id", "agent_code"), status=201),
        responses=problems(refusals.ALREADY_AGENT, refusals.PARTICIPANT_UNKNOWN, refusals.PHONE_FORMAT),
    )
    async def propose(request: Request, principal: Board) -> Response:
        """The board proposes a member, who is a registered participant, as agent of its own Wadah."""
        form = await body(request, AgentForm)
        if principal.wadah_id is None:
            raise Refusal(Rejected(FORBIDDEN))
        command = ProposeAgent(
            meta(request, principal), WadahId(principal.wadah_id), form.participant_id, form.name, form.phone
        )
        return await answer(request, principal, proposing, command)

    @routes.post(
        "/agents/{agent_id}/certification",
        openapi_extra=accepts_command(CertificationForm, gives=("agent_id", "status")),
        responses=problems(NOT_FOUND, refusals.AGENT_STEP, refusals.CERTIFICATE_DATE),
    )
    async def certify(agent_id: AgentId, request: Request, principal: Officer) -> Response:
        """The maker's step: training done, exam passed."""
        form = await body(request, CertificationForm)
        return await step(request, principal, agent_id, Certify(form.certificate_number, form.certified_on))

    @routes.post(
        "/agents/{agent_id}/activation",
        openapi_extra=accepts_command(gives=("agent_id", "status")),
        responses=problems(NOT_FOUND, refusals.CHECKER_IS_MAKER, *UNFIT),
    )
    async def activate(agent_id: AgentId, request: Request, principal: Head) -> Response:
        """The checker's step: from now on the agent registers people."""
        return await step(request, principal, agent_id, Activate())

    @routes.post(
        "/agents/{agent_id}/suspension",
        openapi_extra=accepts_command(SuspensionForm, gives=("agent_id", "status")),
        responses=problems(NOT_FOUND, refusals.AGENT_STEP),
    )
    async def suspend(agent_id: AgentId, request: Request, principal: Head) -> Response:
        form = await body(request, SuspensionForm)
        return await step(request, principal, agent_id, Suspend(form.reason))

    @routes.post(
        "/agents/{agent_id}/reinstatement",
        openapi_extra=accepts_command(gives=("agent_id", "status")),
        responses=problems(NOT_FOUND, refusals.AGENT_RETURN_TOO_EARLY, *UNFIT),
    )
    async def reinstate(agent_id: AgentId, request: Request, principal: Head) -> Response:
        return await step(request, principal, agent_id, Reinstate())

    @routes.post(
        "/agents/{agent_id}/departure",
        openapi_extra=accepts_command(DepartureForm, gives=("agent_id", "status")),
        responses=problems(NOT_FOUND, refusals.AGENT_STEP),
    )
    async def propose_departure(agent_id: AgentId, request: Request, principal: Asks) -> Response:
        """Asks that the agent be dropped or dismissed; the branch head decides."""
        form = await body(request, DepartureForm)
        return await step(request, principal, agent_id, ProposeDeparture(form.kind, form.reason))

    @routes.post(
        "/agents/{agent_id}/departure/approval",
        openapi_extra=accepts_command(gives=("agent_id", "status")),
        responses=problems(NOT_FOUND, refusals.NO_DEPARTURE, refusals.SAME_PERSON),
    )
    async def approve_departure(agent_id: AgentId, request: Request, principal: Head) -> Response:
        """From now on the agent works no longer; the participants pass to the branch. Never by whoever proposed it."""
        return await step(request, principal, agent_id, ApproveDeparture())

    @routes.post(
        "/agents/{agent_id}/departure/refusal",
        openapi_extra=accepts_command(RefusalForm, gives=("agent_id", "status")),
        responses=problems(NOT_FOUND, refusals.NO_DEPARTURE),
    )
    async def refuse_departure(agent_id: AgentId, request: Request, principal: Head) -> Response:
        form = await body(request, RefusalForm)
        return await step(request, principal, agent_id, RefuseDeparture(form.reason))

    @routes.get("/agents")
    async def agents(principal: Reads) -> dict[str, Any]:
        async with app.read() as conn:
            return {"items": await agency_pages.listed_agents(conn, app.vault, principal)}

    @routes.get("/agents/{agent_id}", responses=problems(NOT_FOUND))
    async def agent(agent_id: AgentId, principal: Reads) -> dict[str, Any]:
        async with app.read() as conn:
            found = await agency_pages.one_agent(conn, app.vault, principal, agent_id)
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return dict(found)

    return routes
