"""A QR code for a bill: asked for by who may ask for the bill, made by the acquirer, paid with any wallet or bank."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, meta, problems, within
from chassis.problems import Refusal, Rejected
from chassis.service import App
from contracts.values import BillId
from services.payments.api.partner_shapes import PartnerName
from services.payments.commands.qr import RequestQr, RequestQrs
from services.payments.domain.qr import QrState, as_shown
from services.payments.parameters import Parameters
from services.payments.problems import ACQUIRER_UNKNOWN, BILL_NOT_OPEN, NOT_FOR_FIRST_PAYMENT, QR_ENDED, QR_NOT_OFFERED
from services.payments.qr_desk import QrDesk
from services.payments.queries import qr as queries
from services.payments.queries import shown
from services.payments.tables import payers

Payee = Annotated[Principal, Depends(allow("agent", "officer", "participant"))]
Reader = Annotated[
    Principal, Depends(allow("agent", "officer", "checker", "participant", "central", "auditor", "operator"))
]
Wanted = Annotated[PartnerName | None, Query(description="which acquirer makes the code, by its name as a partner")]
WAIT_S = 3.0
"""For the acquirer, before the caller is told that the code is on its way."""


class QrShown(BaseModel):
    """`content` is what is drawn, null until the acquirer made it and once the bill can no longer be paid; `state` as in the handbook:
    REQUESTED, LIVE, PAID, CLOSED, FAILED. A code whose bill is paid otherwise, cancelled or expired is CLOSED for the `reason` bill_ended.
    """

    bill_id: UUID
    state: str
    amount: int
    content: str | None
    acquirer_reference: str | None
    expires_at: datetime
    reason: str | None


def router(app: App, desk: QrDesk, parameters: Parameters) -> APIRouter:
    routes = APIRouter(tags=["bills"])
    door = app.command_door(RequestQrs(parameters))

    async def must_see(principal: Principal, bill_id: UUID) -> None:
        async with app.read() as conn:
            participant_id = await queries.participant_of(conn, bill_id)
            if participant_id is None or not await shown.is_visible(conn, participant_id, within(principal, payers)):
                raise Refusal(Rejected(NOT_FOUND))

    async def current(bill_id: UUID) -> QrShown:
        async with app.read() as conn:
            qr = (await queries.by_bill(conn, {bill_id})).get(BillId(bill_id))
            bill = (await queries.asked(conn, {bill_id})).get(BillId(bill_id))
        if qr is None or bill is None:
            raise Refusal(Rejected(NOT_FOUND))
        qr = as_shown(qr, payable=bill.payable_at(app.clock.business()))
        return QrShown(
            bill_id=qr.bill_id,
            state=str(qr.state),
            amount=qr.amount,
            content=qr.content,
            acquirer_reference=qr.acquirer_reference,
            expires_at=qr.expires_at,
            reason=qr.reason,
        )

    @routes.post(
        "/bills/{bill_id}/qr",
        status_code=201,
        response_model=QrShown,
        openapi_extra={"parameters": accepts_command(gives=())["parameters"]},
        responses={
            202: {"model": QrShown},
            **problems(NOT_FOUND, ACQUIRER_UNKNOWN, QR_NOT_OFFERED, QR_ENDED, BILL_NOT_OPEN, NOT_FOR_FIRST_PAYMENT),
        },
    )
    async def ask(request: Request, principal: Payee, bill_id: UUID, acquirer: Wanted = None) -> Response:
        """Has a QR code made, or gives the one that there is: 201 with its content, 202 while the acquirer has not answered.

        Without `acquirer` the one that is agreed to be asked first makes it.
        """
        await must_see(principal, bill_id)
        if acquirer is not None and acquirer not in await desk.registry.partners():
            raise Refusal(Rejected(ACQUIRER_UNKNOWN, field="acquirer"))
        partner = await desk.registry.offered(acquirer)
        if partner is None:
            raise Refusal(Rejected(QR_NOT_OFFERED, field=None if acquirer is None else "acquirer"))
        command = RequestQr(BillId(bill_id), partner, meta(request, principal))
        answered = await answer(request, principal, door, command)
        if answered.status_code >= 400:
            return answered
        found = await current(bill_id)
        if found.state == QrState.REQUESTED:
            with contextlib.suppress(TimeoutError):  # it is asked again, by whoever looks at the questions next
                async with asyncio.timeout(WAIT_S):
                    await asyncio.shield(asyncio.ensure_future(desk.ask(bill_id)))
            found = await current(bill_id)
        return JSONResponse(found.model_dump(mode="json"), 202 if found.state == QrState.REQUESTED else 201)

    @routes.get("/bills/{bill_id}/qr", responses=problems(NOT_FOUND))
    async def one(principal: Reader, bill_id: UUID) -> QrShown:
        """Where the code stands."""
        await must_see(principal, bill_id)
        return await current(bill_id)

    return routes
