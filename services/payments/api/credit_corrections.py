"""Corrections of money that was noted for a partner's day: one person proposes, another approves."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.service import App
from contracts.values import ProposalId
from services.payments.api.partner_shapes import PartnerName
from services.payments.api.settlement_shapes import CorrectionWanted
from services.payments.commands.settlement.correct import (
    DecideCorrection,
    ProposeCorrection,
    decide_corrections,
    propose_corrections,
)
from services.payments.problems import CREDIT_UNKNOWN, SAME_PERSON

Clerk = Annotated[Principal, Depends(allow("central"))]
Partner = Annotated[PartnerName, Path()]
DECIDED = ("proposal_id", "gap#")


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/settlements/days/{partner}/{day}/corrections", tags=["settlements"])
    proposing, deciding = app.command_door(propose_corrections), app.command_door(decide_corrections)

    @routes.post(
        "",
        status_code=201,
        openapi_extra=accepts_command(CorrectionWanted, gives=("proposal_id",), status=201),
        responses=problems(CREDIT_UNKNOWN),
    )
    async def propose(request: Request, principal: Clerk, partner: Partner, day: date) -> Response:
        """Says what an account line is that was noted wrongly; 0: it is none of this day's. Nothing moves before another person agrees."""
        wanted = await body(request, CorrectionWanted)
        asked = meta(request, principal)
        command = ProposeCorrection(partner, day, wanted.evidence, wanted.amount, wanted.reason, asked)
        return await answer(request, principal, proposing, command)

    @routes.post(
        "/{proposal_id}/approval",
        openapi_extra=accepts_command(gives=DECIDED),
        responses=problems(NOT_FOUND, SAME_PERSON),
    )
    async def approve(request: Request, principal: Clerk, partner: Partner, day: date, proposal_id: UUID) -> Response:
        """Puts the books right, by another person than its maker; the case about the day's gap comes or goes with it."""
        command = DecideCorrection(partner, day, ProposalId(proposal_id), True, meta(request, principal))
        return await answer(request, principal, deciding, command)

    @routes.post("/{proposal_id}/refusal", openapi_extra=accepts_command(gives=DECIDED), responses=problems(NOT_FOUND))
    async def refuse(request: Request, principal: Clerk, partner: Partner, day: date, proposal_id: UUID) -> Response:
        """Drops it: refused by another person, or taken back by its maker."""
        command = DecideCorrection(partner, day, ProposalId(proposal_id), False, meta(request, principal))
        return await answer(request, principal, deciding, command)

    return routes
