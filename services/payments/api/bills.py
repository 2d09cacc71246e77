"""Bills and payments of a participant, within the caller's scope. A foreign participant and an unknown one are the same 404."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems, within
from chassis.problems import Refusal, Rejected
from chassis.service import App
from contracts.values import BillId, ParticipantId
from services.payments.api.shapes import BillShown, BillWanted, CreditShown, PaymentShown, TotalsShown
from services.payments.commands.bills import IssueBill, IssueBills
from services.payments.commands.cancelling import CancelBill, cancel_bills
from services.payments.commands.numbering import NumberBill, number_bills
from services.payments.domain.numbers import Block, number_of
from services.payments.parameters import Parameters
from services.payments.problems import BILL_ENDED, BILL_NOT_OPEN, BILLING_PROBLEMS
from services.payments.queries import credit as credits_
from services.payments.queries import shown
from services.payments.tables import payers

Payee = Annotated[Principal, Depends(allow("agent", "officer", "participant"))]
Reader = Annotated[
    Principal, Depends(allow("agent", "officer", "checker", "participant", "central", "auditor", "operator"))
]


BILL = ("bill_id", "participant_id", "contribution_code", "kind", "months[]", "amount#", "status", "expires_at")


def router(app: App, parameters: Parameters) -> APIRouter:
    routes, door = APIRouter(tags=["bills"]), app.command_door(IssueBills(parameters))

    cancelling, numbering = app.command_door(cancel_bills), app.command_door(number_bills)

    async def must_see(principal: Principal, participant_id: UUID) -> None:
        async with app.read() as conn:
            if not await shown.is_visible(conn, participant_id, within(principal, payers)):
                raise Refusal(Rejected(NOT_FOUND))

    @routes.post(
        "/bills",
        status_code=201,
        openapi_extra=accepts_command(BillWanted, gives=(*BILL, "retail_months#"), status=201),
        responses=problems(NOT_FOUND, *BILLING_PROBLEMS.values()),
    )
    async def issue_bill(request: Request, principal: Payee) -> Response:
        """Issues a bill in place of the open one, of all months owed or of 1, 2, 3, 6 or 12 (`prepay_months`); 200 when that holds just these.

        `retail_months`: how many months a bill must hold to be paid at a shop (`retail_limits`), 0 where none can be.
        """
        wanted = await body(request, BillWanted)
        await must_see(principal, wanted.participant_id)
        command = IssueBill(ParticipantId(wanted.participant_id), wanted.months, meta(request, principal))
        return await answer(request, principal, door, command)

    @routes.post(
        "/bills/{bill_id}/cancel",
        openapi_extra=accepts_command(gives=BILL),
        responses=problems(NOT_FOUND, BILL_ENDED),
    )
    async def cancel_bill(request: Request, principal: Payee, bill_id: UUID) -> Response:
        """Ends an open bill. The number stays payable: the next inquiry or request issues another bill."""
        async with app.read() as conn:
            participant_id = await shown.payer_of_bill(conn, bill_id, within(principal, payers))
        if participant_id is None:
            raise Refusal(Rejected(NOT_FOUND))
        command = CancelBill(ParticipantId(participant_id), BillId(bill_id), meta(request, principal))
        return await answer(request, principal, cancelling, command)

    @routes.post(
        "/bills/{bill_id}/va",
        status_code=201,
        openapi_extra=accepts_command(gives=(*BILL, "number"), status=201),
        responses=problems(NOT_FOUND, BILL_NOT_OPEN),
    )
    async def number_bill(request: Request, principal: Payee, bill_id: UUID) -> Response:
        """A virtual account number at which this open bill alone is paid, once, beside the contribution code; 200 with the number that it has."""
        async with app.read() as conn:
            participant_id = await shown.payer_of_bill(conn, bill_id, within(principal, payers))
        if participant_id is None:
            raise Refusal(Rejected(NOT_FOUND))
        (running,) = await app.numbers.take(Block.BILL.kind, 1)
        number = number_of(Block.BILL, running)
        command = NumberBill(ParticipantId(participant_id), BillId(bill_id), number, meta(request, principal))
        return await answer(request, principal, numbering, command)

    @routes.get("/bills", responses=problems(NOT_FOUND))
    async def bills(principal: Reader, participant_id: UUID) -> list[BillShown]:
        """Newest first."""
        await must_see(principal, participant_id)
        async with app.read() as conn:
            found = await shown.bills_of(conn, participant_id, within(principal, payers))
        return [BillShown.model_validate(dict(row)) for row in found]

    @routes.get("/payments", responses=problems(NOT_FOUND))
    async def payments(principal: Reader, participant_id: UUID) -> list[PaymentShown]:
        """Newest first."""
        await must_see(principal, participant_id)
        async with app.read() as conn:
            found = await shown.payments_of(conn, participant_id, within(principal, payers))
        return [PaymentShown.model_validate(dict(row)) for row in found]

    @routes.get("/credit", responses=problems(NOT_FOUND))
    async def credit(principal: Reader, participant_id: UUID) -> CreditShown:
        """Carry-forward credit of a participant: what lowers the JKK and JKM of the next bills, and the paid months it comes from."""
        async with app.read() as conn:
            found = await credits_.credit_of(conn, participant_id, within(principal, payers))
        if found is None:
            raise Refusal(Rejected(NOT_FOUND))
        return CreditShown.model_validate(dict(found))

    @routes.get("/contributions/totals")
    async def contribution_totals(principal: Reader) -> TotalsShown:
        """How many participants of the caller's scope were billed and have paid, and what they paid."""
        async with app.read() as conn:
            return TotalsShown.model_validate(dict(await shown.totals(conn, within(principal, payers))))

    return routes
