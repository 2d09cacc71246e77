"""Agents' balances and the cash they have in hand: an agent sees and uses the own, Wadah and branch see how much and how old."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.http import NOT_FOUND, Principal, accepts_command, allow, answer, body, meta, problems, within
from chassis.problems import FORBIDDEN, INVALID, Refusal, Rejected
from chassis.service import App
from chassis.transaction import Scope
from contracts.values import AgentId, BillId, ParticipantId
from services.payments.api.group_shapes import (
    BalanceLineShown,
    BalanceShown,
    BalanceStatementShown,
    CashBackWanted,
    CashByAgentShown,
    CashLineShown,
    CashShown,
    CashStatementShown,
    CashWanted,
    ChargeWanted,
)
from services.payments.commands.balances import ChargeBalance, ChargeBalances, OpenBalance, open_balances
from services.payments.commands.cash import ReportCash, ReturnCash, report_cash, return_cash
from services.payments.domain.numbers import Block, number_of
from services.payments.group_problems import BALANCE_NOT_OPENED, BALANCE_TOO_LOW, NO_CASH_IN_HAND, NOT_A_FIRST_BILL
from services.payments.parameters import Parameters
from services.payments.problems import BILLING_PROBLEMS, NOT_FOR_FIRST_PAYMENT, NOTHING_OWED
from services.payments.queries import groups, shown
from services.payments.tables import agent_balances, cash_lines, cash_received, payers

Agent = Annotated[Principal, Depends(allow("agent"))]
Reader = Annotated[Principal, Depends(allow("agent", "officer", "checker", "central", "auditor", "operator"))]
Counter = Annotated[
    Principal, Depends(allow("agent", "coordinator", "officer", "checker", "central", "auditor", "operator"))
]
PAGE = 200
CHARGE = ("payment_id", "participant_id", "bill_id", "amount#", "balance#")


def router(app: App, parameters: Parameters) -> APIRouter:
    routes = APIRouter(tags=["agents' money"])
    opening, charging = app.command_door(open_balances), app.command_door(ChargeBalances(parameters))
    reporting, returning = app.command_door(report_cash), app.command_door(return_cash)

    async def must_see(principal: Principal, participant_id: UUID) -> None:
        async with app.read() as conn:
            if not await shown.is_visible(conn, participant_id, within(principal, payers)):
                raise Refusal(Rejected(NOT_FOUND))

    @routes.post(
        "/agent-balances",
        status_code=201,
        openapi_extra=accepts_command(gives=("agent_id", "code"), status=201),
    )
    async def open_balance(request: Request, principal: Agent) -> Response:
        """The code that takes the agent's deposits, of any amount; 200 when there is one already."""
        agent_id = _agent(principal)
        (running,) = await app.numbers.take(Block.DEPOSIT.kind, 1)
        scope = Scope(principal.branch_id, principal.wadah_id, agent_id)
        command = OpenBalance(agent_id, number_of(Block.DEPOSIT, running), scope, meta(request, principal))
        return await answer(request, principal, opening, command)

    @routes.post(
        "/agent-balances/charges",
        status_code=201,
        openapi_extra=accepts_command(ChargeWanted, gives=CHARGE, status=201),
        responses=problems(
            NOT_FOUND,
            BALANCE_NOT_OPENED,
            BALANCE_TOO_LOW,
            NOT_A_FIRST_BILL,
            NOT_FOR_FIRST_PAYMENT,
            *BILLING_PROBLEMS.values(),
        ),
    )
    async def charge(request: Request, principal: Agent) -> Response:
        """Pays the first bill of one of the agent's participants from the balance, in full or not at all."""
        wanted = await body(request, ChargeWanted)
        agent_id = _agent(principal)
        await must_see(principal, wanted.participant_id)
        command = ChargeBalance(agent_id, ParticipantId(wanted.participant_id), meta(request, principal))
        return await answer(request, principal, charging, command)

    @routes.get("/agent-balances")
    async def balances(principal: Counter) -> list[BalanceShown]:
        """Those of the caller's scope."""
        async with app.read() as conn:
            found = await groups.balances(conn, within(principal, agent_balances))
        return [BalanceShown.model_validate(dict(row)) for row in found]

    @routes.get("/agent-balances/{agent_id}/statement", responses=problems(NOT_FOUND))
    async def statement(
        principal: Reader, agent_id: UUID, after: Annotated[int, Query(ge=0, lt=2**53)] = 0
    ) -> BalanceStatementShown:
        """Line by line, so the agent can check it."""
        async with app.read() as conn:
            if await groups.balance(conn, agent_id, within(principal, agent_balances)) is None:
                raise Refusal(Rejected(NOT_FOUND))
            found = await groups.balance_lines(conn, agent_id, after, PAGE)
        lines = [BalanceLineShown.model_validate(dict(row)) for row in found]
        return BalanceStatementShown(agent_id=agent_id, lines=lines, next=lines[-1].seq if len(lines) == PAGE else None)

    @routes.post(
        "/cash",
        status_code=201,
        openapi_extra=accepts_command(CashWanted, gives=("bill_id", "amount#"), status=201),
        responses=problems(NOT_FOUND, NOTHING_OWED, INVALID),
    )
    async def report(request: Request, principal: Agent) -> Response:
        """Notes cash that the agent took for a participant's open bill. It pays nothing; the payment of the bill clears it."""
        wanted = await body(request, CashWanted)
        agent_id = _agent(principal)
        await must_see(principal, wanted.participant_id)
        command = ReportCash(
            agent_id, ParticipantId(wanted.participant_id), wanted.received_at, meta(request, principal)
        )
        return await answer(request, principal, reporting, command)

    @routes.post(
        "/cash/returns",
        openapi_extra=accepts_command(CashBackWanted, gives=("bill_id", "amount#")),
        responses=problems(NO_CASH_IN_HAND, INVALID),
    )
    async def give_back(request: Request, principal: Agent) -> Response:
        """Notes that the agent gave the cash of a note back to the person: it is in hand no more."""
        wanted = await body(request, CashBackWanted)
        command = ReturnCash(
            _agent(principal),
            ParticipantId(wanted.participant_id),
            BillId(wanted.bill_id),
            wanted.returned_at,
            meta(request, principal),
        )
        return await answer(request, principal, returning, command)

    @routes.get("/cash/agents/{agent_id}/statement", responses=problems(NOT_FOUND))
    async def cash_statement(principal: Reader, agent_id: UUID, after: UUID | None = None) -> CashStatementShown:
        """What the agent took and gave back, line by line; not found before the first."""
        scope = within(principal, cash_lines)
        async with app.read() as conn:
            if not await groups.has_cash_lines(conn, agent_id, scope):
                raise Refusal(Rejected(NOT_FOUND))
            found = await groups.cash_statement(conn, agent_id, scope, after, PAGE)
        lines = [CashLineShown.model_validate(dict(row)) for row in found]
        return CashStatementShown(
            agent_id=agent_id, lines=lines, next=lines[-1].line_id if len(lines) == PAGE else None
        )

    @routes.get("/cash")
    async def cash(principal: Reader) -> list[CashShown]:
        """Cash in hand that was not paid in yet, the oldest first; 200 at most."""
        async with app.read() as conn:
            found = await groups.cash_in_hand(conn, within(principal, cash_received), PAGE)
        now = app.clock.business()
        return [CashShown.model_validate({**row, "age_hours": _age(row["received_at"], now)}) for row in found]

    @routes.get("/cash/agents")
    async def cash_by_agent(principal: Counter) -> list[CashByAgentShown]:
        """How much each agent has in hand and how old the oldest of it is."""
        async with app.read() as conn:
            found = await groups.cash_by_agent(conn, within(principal, cash_received))
        now = app.clock.business()
        return [
            CashByAgentShown.model_validate({**row, "age_hours": _age(row["oldest_received_at"], now)}) for row in found
        ]

    return routes


def _agent(principal: Principal) -> AgentId:
    """Raises Refusal `forbidden` when the token names no agent."""
    if principal.agent_id is None:
        raise Refusal(Rejected(FORBIDDEN))
    return AgentId(principal.agent_id)


def _age(since: datetime, now: datetime) -> int:
    return max(0, int((now - since).total_seconds() // 3_600))
