"""Money that leaves: orders with their evidence, and refunds that are owed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, answer, body, meta, problems, within
from chassis.service import App
from contracts.values import TransferOrderId
from services.payments.api.shapes_astray import Confirming, OrderShown, OrdersShown, RefundShown, RefundsShown, Refusing
from services.payments.api.sight import PAGE, Maker, Reader, in_sight, must_exist
from services.payments.commands.orders import CloseOrder, ConfirmTransfer, FailTransfer, close_orders
from services.payments.problems_astray import CLOSING_PROBLEMS, UNKNOWN_PARTNER
from services.payments.queries import shown_astray
from services.payments.tables import refunds, transfer_orders

DONE = ("order_id", "status")


def router(app: App) -> APIRouter:
    routes, door = APIRouter(tags=["transfers"]), app.command_door(close_orders)

    @routes.get("/transfer-orders")
    async def orders(
        principal: Reader,
        status: Literal["ORDERED", "CONFIRMED", "FAILED"] | None = None,
        after: UUID | None = None,
    ) -> OrdersShown:
        """Oldest first, a page at a time."""
        async with app.read() as conn:
            rows = await shown_astray.orders(conn, in_sight(principal, transfer_orders), status, after, PAGE)
        found = [OrderShown.model_validate(dict(row)) for row in rows]
        return OrdersShown(orders=found, next=found[-1].order_id if len(found) == PAGE else None)

    @routes.post(
        "/transfer-orders/{order_id}/confirmation",
        openapi_extra=accepts_command(Confirming, gives=DONE),
        responses=problems(NOT_FOUND, UNKNOWN_PARTNER, *CLOSING_PROBLEMS.values()),
    )
    async def confirm(request: Request, principal: Maker, order_id: UUID) -> Response:
        """The bank carried it out: what was owed is paid."""
        wanted = await body(request, Confirming)
        command = ConfirmTransfer(
            TransferOrderId(order_id), wanted.partner, wanted.paid_on, wanted.evidence, meta(request, principal)
        )
        return await closed(request, principal, order_id, command)

    @routes.post(
        "/transfer-orders/{order_id}/failure",
        openapi_extra=accepts_command(Refusing, gives=DONE),
        responses=problems(NOT_FOUND, *CLOSING_PROBLEMS.values()),
    )
    async def fail(request: Request, principal: Maker, order_id: UUID) -> Response:
        """The bank did not carry it out: the money stands where it came from."""
        wanted = await body(request, Refusing)
        command = FailTransfer(TransferOrderId(order_id), wanted.reason, meta(request, principal))
        return await closed(request, principal, order_id, command)

    async def closed(request: Request, principal: Principal, order_id: UUID, command: CloseOrder) -> Response:
        async with app.read() as conn:
            await must_exist(conn, transfer_orders.c.order_id, order_id, in_sight(principal, transfer_orders))
        return await answer(request, principal, door, command)

    @routes.get("/refunds")
    async def owed(principal: Reader, after: UUID | None = None) -> RefundsShown:
        """Months that were given back, and whether they are paid out."""
        async with app.read() as conn:
            rows = await shown_astray.refunds_owed(conn, within(principal, refunds), after, PAGE)
        found = [RefundShown.model_validate(_refund(row)) for row in rows]
        return RefundsShown(refunds=found, next=found[-1].payment_id if len(found) == PAGE else None)

    return routes


def _refund(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {**row, "months": [charge["month"] for charge in row["months"]]}
