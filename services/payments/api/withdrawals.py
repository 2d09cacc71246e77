"""An agent gets back what is left of the own balance: proposed by the branch, decided with the other proposals."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from chassis.http import NOT_FOUND, accepts_command, answer, body, meta, problems, within
from chassis.problems import Refusal, Rejected
from chassis.service import App
from contracts.values import AgentId, PayeeAccountId
from services.payments.api.shapes_astray import WithdrawalWanted
from services.payments.api.sight import Maker, in_sight, must_exist
from services.payments.commands.proposals import ProposeWithdrawal, propose_withdrawals
from services.payments.problems_astray import DOING_PROBLEMS
from services.payments.queries import groups
from services.payments.tables import agent_balances, payee_accounts

MADE = ("proposal_id", "status")


def router(app: App) -> APIRouter:
    routes, door = APIRouter(tags=["agents' money"]), app.command_door(propose_withdrawals)

    @routes.post(
        "/agent-balances/{agent_id}/withdrawals",
        status_code=201,
        openapi_extra=accepts_command(WithdrawalWanted, gives=MADE, status=201),
        responses=problems(NOT_FOUND, *DOING_PROBLEMS.values()),
    )
    async def propose(request: Request, principal: Maker, agent_id: UUID) -> Response:
        """Proposes that money of the balance goes back; it stays in the balance until another person approves (`/proposals`)."""
        wanted = await body(request, WithdrawalWanted)
        async with app.read() as conn:
            if await groups.balance(conn, agent_id, within(principal, agent_balances)) is None:
                raise Refusal(Rejected(NOT_FOUND))
            in_reach = in_sight(principal, payee_accounts)
            await must_exist(conn, payee_accounts.c.payee_account_id, wanted.payee_account_id, in_reach)
        command = ProposeWithdrawal(
            agent_id=AgentId(agent_id),
            amount=wanted.amount,
            reason=wanted.reason,
            payee_account_id=PayeeAccountId(wanted.payee_account_id),
            meta=meta(request, principal),
        )
        return await answer(request, principal, door, command)

    return routes
