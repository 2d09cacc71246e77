"""What becomes of money, proposed by one person and decided by another (domain.md sections 1 and 2)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.http import NOT_FOUND, Principal, accepts_command, answer, body, meta, problems, within
from chassis.service import App
from contracts.events.astray import Action
from contracts.values import BillId, ParticipantId, PayeeAccountId, PaymentId, ProposalId
from services.payments.api.shapes_astray import ProposalShown, ProposalsShown, ProposalWanted, Refusing
from services.payments.api.sight import PAGE, Checker, Maker, Reader, in_sight, must_exist
from services.payments.commands.proposals import Decide, Propose, decide_proposals, make_proposals
from services.payments.domain.proposals import Verdict
from services.payments.problems_astray import DECIDING_PROBLEMS, DOING_PROBLEMS
from services.payments.queries import deciding, shown_astray
from services.payments.tables import (
    bills,
    collective_bills,
    payee_accounts,
    payers,
    payments,
    proposals,
    refunds,
    suspense,
)

MADE = ("proposal_id", "status")
DECIDED = problems(NOT_FOUND, *DECIDING_PROBLEMS.values(), *DOING_PROBLEMS.values())


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/proposals", tags=["suspense"])
    making, deciding = app.command_door(make_proposals), app.command_door(decide_proposals)

    @routes.post(
        "",
        status_code=201,
        openapi_extra=accepts_command(ProposalWanted, gives=(*MADE, "others_pending[]"), status=201),
        responses=problems(NOT_FOUND, *DOING_PROBLEMS.values()),
    )
    async def propose(request: Request, principal: Maker) -> Response:
        """Proposes what becomes of money; nothing happens until another person approves it.

        `others_pending`: what else waits for a decision about the same money.
        """
        wanted = await body(request, ProposalWanted)
        async with app.read() as conn:
            await _must_see(conn, principal, wanted)
        return await answer(request, principal, making, _command(wanted, request, principal))

    @routes.get("")
    async def made(
        principal: Reader,
        status: Literal["PENDING", "APPROVED", "REFUSED", "WITHDRAWN"] | None = None,
        after: UUID | None = None,
    ) -> ProposalsShown:
        """Oldest first, a page at a time."""
        async with app.read() as conn:
            rows = await shown_astray.proposals_made(conn, in_sight(principal, proposals), status, after, PAGE)
        found = [ProposalShown.model_validate(dict(row)) for row in rows]
        return ProposalsShown(proposals=found, next=found[-1].proposal_id if len(found) == PAGE else None)

    @routes.post("/{proposal_id}/approval", openapi_extra=accepts_command(gives=MADE), responses=DECIDED)
    async def approve(request: Request, principal: Checker, proposal_id: UUID) -> Response:
        """Carries it out, if that is still possible. Whoever made it never approves it."""
        return await decided(request, principal, proposal_id, Verdict.APPROVE)

    @routes.post("/{proposal_id}/refusal", openapi_extra=accepts_command(Refusing, gives=MADE), responses=DECIDED)
    async def refuse(request: Request, principal: Checker, proposal_id: UUID) -> Response:
        """Nothing comes of it, for this reason."""
        wanted = await body(request, Refusing)
        return await decided(request, principal, proposal_id, Verdict.REFUSE, wanted.reason)

    @routes.post("/{proposal_id}/withdrawal", openapi_extra=accepts_command(gives=MADE), responses=DECIDED)
    async def withdraw(request: Request, principal: Maker, proposal_id: UUID) -> Response:
        """By whoever made it."""
        return await decided(request, principal, proposal_id, Verdict.WITHDRAW)

    async def decided(
        request: Request, principal: Principal, proposal_id: UUID, verdict: Verdict, reason: str = ""
    ) -> Response:
        async with app.read() as conn:
            await must_exist(conn, proposals.c.proposal_id, proposal_id, in_sight(principal, proposals))
        command = Decide(ProposalId(proposal_id), verdict, reason, meta(request, principal))
        return await answer(request, principal, deciding, command)

    return routes


async def _must_see(conn: AsyncConnection, principal: Principal, wanted: ProposalWanted) -> None:
    """The money, who is to get or to lose it, and the account it is to go to."""
    if wanted.action is not Action.REFUND or not await _owes(conn, principal, wanted.payment_id):
        own_payer = sa.exists().where(payers.c.participant_id == payments.c.participant_id, within(principal, payers))
        own_case = sa.exists().where(suspense.c.payment_id == payments.c.payment_id, in_sight(principal, suspense))
        own_whole = sa.exists().where(
            collective_bills.c.payment_id == payments.c.payment_id, in_sight(principal, collective_bills)
        )
        in_reach = sa.or_(own_payer, own_case, own_whole)
        await must_exist(conn, payments.c.payment_id, wanted.payment_id, in_reach, field="payment_id")
    for participant_id in await _paid_for(conn, wanted):
        field = "participant_id" if participant_id == wanted.participant_id else "payment_id"
        await must_exist(conn, payers.c.participant_id, participant_id, within(principal, payers), field=field)
    if wanted.bill_id is not None:
        theirs = bills.c.participant_id == wanted.participant_id
        await must_exist(conn, bills.c.bill_id, wanted.bill_id, theirs, field="bill_id")
    if wanted.payee_account_id is not None:
        in_reach = in_sight(principal, payee_accounts)
        await must_exist(
            conn, payee_accounts.c.payee_account_id, wanted.payee_account_id, in_reach, field="payee_account_id"
        )


async def _paid_for(conn: AsyncConnection, wanted: ProposalWanted) -> list[UUID]:
    """Who is to get the money, and whose months were paid with a receipt that is to be voided."""
    named = [] if wanted.participant_id is None else [wanted.participant_id]
    if wanted.action is not Action.VOID:
        return named
    made = (await deciding.made_of(conn, [wanted.payment_id])).get(PaymentId(wanted.payment_id), ())
    return [*named, *(one.participant_id for one in made if one.participant_id is not None)]


async def _owes(conn: AsyncConnection, principal: Principal, payment_id: UUID) -> bool:
    """Whether something is owed under this id; credit that was left has no payment."""
    query = sa.select(refunds.c.payment_id).where(refunds.c.payment_id == payment_id, within(principal, refunds))
    return (await conn.execute(query)).first() is not None


def _command(wanted: ProposalWanted, request: Request, principal: Principal) -> Propose:
    return Propose(
        action=wanted.action,
        payment_id=PaymentId(wanted.payment_id),
        amount=wanted.amount,
        reason=wanted.reason,
        evidence=wanted.evidence,
        participant_id=None if wanted.participant_id is None else ParticipantId(wanted.participant_id),
        bill_id=None if wanted.bill_id is None else BillId(wanted.bill_id),
        account=wanted.account,
        payee_account_id=None if wanted.payee_account_id is None else PayeeAccountId(wanted.payee_account_id),
        meta=meta(request, principal),
    )
