"""Money that a partner lists, that truly came, and that the books lack: one person proposes to book it to suspense, another approves."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems
from chassis.service import App
from contracts.values import CaseId, ProposalId
from services.payments.api.settlement_shapes import BookingWanted
from services.payments.commands.settlement.differences import (
    DecideBooking,
    ProposeBooking,
    decide_bookings,
    propose_bookings,
)
from services.payments.problems import BOOKING_DECIDED, BOOKING_PROBLEMS, BOOKING_WAITS, CASE_CLOSED, SAME_PERSON

Clerk = Annotated[Principal, Depends(allow("central"))]
MADE = ("case_id", "proposal_id")
BOOKED = (*MADE, "payment_id")


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/settlements/cases/{case_id}/bookings", tags=["settlements"])
    proposing, deciding = app.command_door(propose_bookings), app.command_door(decide_bookings)

    @routes.post(
        "",
        status_code=201,
        openapi_extra=accepts_command(BookingWanted, gives=MADE, status=201),
        responses=problems(NOT_FOUND, CASE_CLOSED, BOOKING_WAITS, *BOOKING_PROBLEMS.values()),
    )
    async def propose(request: Request, principal: Clerk, case_id: UUID) -> Response:
        """Says that the line's money came, and on which account line. Nothing moves before another person agrees."""
        wanted = await body(request, BookingWanted)
        command = ProposeBooking(
            CaseId(case_id),
            wanted.amount,
            wanted.reason,
            wanted.evidence,
            wanted.reference,
            meta(request, principal),
        )
        return await answer(request, principal, proposing, command)

    @routes.post(
        "/{proposal_id}/approval",
        openapi_extra=accepts_command(gives=BOOKED),
        responses=problems(NOT_FOUND, SAME_PERSON, BOOKING_DECIDED, *BOOKING_PROBLEMS.values()),
    )
    async def approve(request: Request, principal: Clerk, case_id: UUID, proposal_id: UUID) -> Response:
        """Puts the money into suspense (`payment_id`), by another person than its maker; the case ends with that."""
        command = DecideBooking(CaseId(case_id), ProposalId(proposal_id), True, meta(request, principal))
        return await answer(request, principal, deciding, command)

    @routes.post(
        "/{proposal_id}/refusal",
        openapi_extra=accepts_command(gives=MADE),
        responses=problems(NOT_FOUND, BOOKING_DECIDED),
    )
    async def refuse(request: Request, principal: Clerk, case_id: UUID, proposal_id: UUID) -> Response:
        """Drops it: refused by another person, or taken back by its maker."""
        command = DecideBooking(CaseId(case_id), ProposalId(proposal_id), False, meta(request, principal))
        return await answer(request, principal, deciding, command)

    return routes
