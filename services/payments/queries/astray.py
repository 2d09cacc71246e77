"""What decisions about money in suspense, refunds and transfers load from: by keys, any number in one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Scope
from contracts.events.astray import TransferPurpose
from contracts.values import AgentId, ParticipantId, PayeeAccountId, PaymentId, ProposalId, TransferOrderId
from services.payments.domain.orders import Order
from services.payments.domain.payees import Payee
from services.payments.domain.proposals import Proposal, ProposalStatus
from services.payments.domain.refunds import Refund
from services.payments.domain.suspense import Case
from services.payments.shelves import case_of, order_of, payee_of, proposal_of, refund_of
from services.payments.tables import payee_accounts, proposals, refunds, suspense, transfer_orders
from services.payments.tables.incentives import agents

OrderKey = tuple[TransferPurpose, str]


class KeptCase(NamedTuple):
    case: Case
    scope: Scope


class KeptProposal(NamedTuple):
    proposal: Proposal
    scope: Scope


class KeptOrder(NamedTuple):
    """`ordered_at`: the business instant of the order."""

    order: Order
    scope: Scope
    ordered_at: datetime


async def cases(conn: AsyncConnection, payments: Collection[UUID]) -> dict[PaymentId, KeptCase]:
    """Money in suspense, open or closed, by the payment it came as."""
    query = sa.select(suspense).where(rows.matching(suspense.c.payment_id, payments))
    found = (await conn.execute(query)).mappings()
    return {row["payment_id"]: KeptCase(case_of(row), Scope(row["branch_id"])) for row in found}


async def proposals_by_id(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[ProposalId, KeptProposal]:
    query = sa.select(proposals).where(rows.matching(proposals.c.proposal_id, wanted))
    found = (await conn.execute(query)).mappings()
    return {row["proposal_id"]: KeptProposal(proposal_of(row), Scope(row["branch_id"])) for row in found}


async def pending_about(conn: AsyncConnection, payments: Collection[UUID]) -> dict[PaymentId, list[ProposalId]]:
    """Proposals about this money that wait for a decision, the oldest first."""
    found: defaultdict[PaymentId, list[ProposalId]] = defaultdict(list)
    query = sa.select(proposals.c.payment_id, proposals.c.proposal_id).where(
        rows.matching(proposals.c.payment_id, payments), proposals.c.status == str(ProposalStatus.PENDING)
    )
    for row in await conn.execute(query.order_by(proposals.c.proposal_id)):
        found[PaymentId(row.payment_id)].append(ProposalId(row.proposal_id))
    return found


async def own_participations(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[AgentId, ParticipantId]:
    """The participation of each of these agents as a worker."""
    query = sa.select(agents.c.agent_id, agents.c.participant_id).where(rows.matching(agents.c.agent_id, wanted))
    return {AgentId(row.agent_id): ParticipantId(row.participant_id) for row in await conn.execute(query)}


async def payees(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[PayeeAccountId, Payee]:
    """Accounts that money may go to, without number and holder."""
    query = sa.select(payee_accounts).where(rows.matching(payee_accounts.c.payee_account_id, wanted))
    return {row["payee_account_id"]: payee_of(row) for row in (await conn.execute(query)).mappings()}


async def orders(conn: AsyncConnection, keys: Iterable[OrderKey]) -> dict[OrderKey, KeptOrder]:
    """The last order for each purpose and reference."""
    references = {reference for _, reference in keys}
    query = sa.select(transfer_orders).where(rows.matching(transfer_orders.c.reference, references))
    return _orders(await conn.execute(query))


async def orders_by_id(conn: AsyncConnection, wanted: Collection[TransferOrderId]) -> dict[OrderKey, KeptOrder]:
    query = sa.select(transfer_orders).where(rows.matching(transfer_orders.c.order_id, wanted))
    return _orders(await conn.execute(query))


def _orders(result: sa.CursorResult[tuple[object, ...]]) -> dict[OrderKey, KeptOrder]:
    found = [
        KeptOrder(order_of(row), Scope(row["branch_id"], row["wadah_id"]), row["ordered_at"])
        for row in result.mappings()
    ]
    return {(kept.order.purpose, kept.order.reference): kept for kept in found}


async def refunds_of(conn: AsyncConnection, payments: Collection[UUID]) -> dict[PaymentId, Refund]:
    """What is owed of payments, or of credit that was left; no statement for none."""
    if not payments:
        return {}
    query = sa.select(refunds).where(rows.matching(refunds.c.payment_id, payments))
    return {row["payment_id"]: refund_of(row) for row in (await conn.execute(query)).mappings()}
