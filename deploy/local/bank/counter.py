"""The counter: what customers ask, one by one or many at once."""

from typing import Any

from fastapi import APIRouter, Response

from deploy.local.bank.behaviour import Behaviour, Mode
from deploy.local.bank.requests import Inquire, Pay, PayMany
from deploy.local.bank.rounds import Round, Rounds
from deploy.local.bank.settings import Settings
from deploy.local.bank.tasks import Tasks
from deploy.local.bank.teller import Order, Teller
from deploy.local.outside.problems import Problem
from deploy.local.outside.stop import Stop


def counter_routes(settings: Settings, teller: Teller, mode: Mode, tasks: Tasks, stop: Stop) -> APIRouter:
    """The routes. A payment the biller refused is a good answer of the bank: 200 with its state."""
    router = APIRouter()
    rounds = Rounds()

    @router.post("/inquire")
    async def inquire(asked: Inquire) -> dict[str, Any]:
        number = asked.number(settings)
        quote = await teller.inquire(number, asked.behaviour)
        return {
            "customer_no": number,
            "payable": quote.amount is not None,
            "amount": quote.amount,
            "name": quote.reply.data.get("virtualAccountName"),
            "inquiry_request_id": quote.request_id,
            "code": quote.reply.code,
            "message": quote.reply.message,
            "answers": quote.answers,
            "virtual_account_data": quote.reply.data,
        }

    @router.post("/pay")
    async def pay(asked: Pay, response: Response) -> dict[str, Any]:
        order = _order(asked.number(settings), asked.amount, asked.behaviour or mode.next())
        if not asked.wait:
            response.status_code = 202
            tasks.start(teller.pay(order))
            return {"customer_no": order.customer_no, "state": "begun"}
        return (await teller.pay(order)).view()

    @router.post("/pay-many")
    async def pay_many(asked: PayMany, response: Response) -> dict[str, Any]:
        orders = [_order(number, asked.amount, asked.behaviour or mode.next()) for number in asked.customer_nos]
        found = Round(orders, concurrency=min(asked.concurrency, len(orders)))
        rounds.add(found)
        if asked.wait:
            await found.run(teller, stop)
        else:
            response.status_code = 202
            tasks.start(found.run(teller, stop))
        return found.view()

    @router.get("/pay-many/{round_id}")
    async def progress(round_id: str) -> dict[str, Any]:
        if (found := rounds.find(round_id)) is None:
            raise Problem(404, "unknown_round", "no such round since this process started")
        return found.view()

    return router


def _order(customer_no: str, amount: int | None, behaviour: Behaviour) -> Order:
    if behaviour.skip_inquiry and amount is None:
        raise Problem(422, "amount_needed", "skip_inquiry needs an amount: no inquiry says what is owed")
    return Order(customer_no, amount, behaviour)
