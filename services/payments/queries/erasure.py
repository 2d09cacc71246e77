"""What of a person still waits in payments, and which accounts still name somebody who was forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.tables import forgotten
from contracts.events.erasure import ErasureObstacle, ParticipantForgotten
from contracts.values import ParticipantId, PayeeAccountId
from services.payments.queries.groups import notes_in_hand
from services.payments.tables import (
    agent_balances,
    bills,
    collective_bills,
    collective_lines,
    payee_accounts,
    payers,
    payments,
    proposals,
    refunds,
    suspense,
    transfer_orders,
)
from services.payments.tables.incentives import agents


async def obstacles(
    conn: AsyncConnection, participants: Collection[ParticipantId]
) -> Mapping[ParticipantId, tuple[ErasureObstacle, ...]]:
    """Of each known payer; asks nothing when none is given. Rare, so it may look at all that is open."""
    if not participants:
        return {}
    asked = [found.label(str(obstacle)) for obstacle, found in _FOUND.items()]
    query = sa.select(payers.c.participant_id, *asked).where(rows.matching(payers.c.participant_id, participants))
    found = (await conn.execute(query)).mappings().all()
    cash = {row["participant_id"] for row in (await notes_in_hand(conn, participants)).values()}
    return {
        row["participant_id"]: (
            *(obstacle for obstacle in _FOUND if row[str(obstacle)]),
            *((ErasureObstacle.CASH_IN_HAND,) if row["participant_id"] in cash else ()),
        )
        for row in found
    }


async def accounts_to_forget(conn: AsyncConnection, held_back: sa.ColumnElement[bool], limit: int) -> list[str]:
    """Payee accounts of forgotten persons that still hold number and holder."""
    query = (
        sa.select(payee_accounts.c.payee_account_id)
        .join(forgotten, forgotten.c.subject == payee_accounts.c.owner_id)
        .where(payee_accounts.c.details.is_not(None), sa.not_(held_back))
        .order_by(payee_accounts.c.payee_account_id)
        .limit(limit)
    )
    return [str(row.payee_account_id) for row in await conn.execute(query)]


async def owners_of(conn: AsyncConnection, accounts: Collection[PayeeAccountId]) -> Mapping[PayeeAccountId, Any]:
    """The accounts of these that still hold number and holder: owner and scope."""
    query = sa.select(
        payee_accounts.c.payee_account_id,
        payee_accounts.c.owner_id,
        payee_accounts.c.branch_id,
        payee_accounts.c.wadah_id,
    ).where(rows.matching(payee_accounts.c.payee_account_id, accounts), payee_accounts.c.details.is_not(None))
    return {PayeeAccountId(row.payee_account_id): row for row in await conn.execute(query)}


DISPUTES_OF = sa.text(
    "DELETE FROM dispute_notes USING incentive_disputes d"
    " LEFT JOIN agents a ON a.agent_id = d.agent_id"
    " LEFT JOIN incentive_lines l ON l.agent_id = d.agent_id AND l.run = d.run AND l.line = d.line"
    " WHERE dispute_notes.dispute_id = d.dispute_id"
    " AND (a.participant_id = ANY(:gone) OR l.participant_id = ANY(:gone))"
).bindparams(sa.bindparam("gone", type_=sa.ARRAY(sa.UUID)))


async def forget_words(conn: AsyncConnection, gone: Collection[UUID]) -> None:
    """What people wrote about statements of agents who are forgotten, or about lines of a person who is."""
    await conn.execute(DISPUTES_OF, {"gone": list(gone)})


async def clear_words(conn: AsyncConnection, gone: Sequence[ParticipantForgotten]) -> None:
    """The same after a restore."""
    await forget_words(conn, [event.participant_id for event in gone])


_confirmed = sa.exists().where(
    transfer_orders.c.purpose == "REFUND",
    transfer_orders.c.reference == sa.cast(refunds.c.payment_id, sa.Text),
    transfer_orders.c.status == "CONFIRMED",
)
_of_payer = payers.c.participant_id
_share_open = sa.or_(
    collective_bills.c.status == "OPEN",
    sa.and_(collective_bills.c.status == "PAID", collective_lines.c.payment_id.is_(None)),
)
_theirs = (
    sa.exists()
    .where(payments.c.payment_id == proposals.c.payment_id, payments.c.participant_id == _of_payer)
    .correlate(proposals, payers)  # two levels up: left to itself it would look for any payer
)
_FOUND: Mapping[ErasureObstacle, sa.ColumnElement[bool]] = {
    ErasureObstacle.OPEN_BILL: sa.or_(
        sa.exists().where(bills.c.participant_id == _of_payer, bills.c.status == "OPEN"),
        sa.exists().where(
            collective_lines.c.participant_id == _of_payer,
            collective_bills.c.bill_id == collective_lines.c.bill_id,
            _share_open,
        ),
    ),
    ErasureObstacle.UNRETURNED_MONEY: sa.or_(
        payers.c.credit > 0,
        sa.exists().where(suspense.c.participant_id == _of_payer, suspense.c.held > 0),
        sa.exists().where(refunds.c.participant_id == _of_payer, sa.not_(_confirmed)),
        sa.exists().where(transfer_orders.c.participant_id == _of_payer, transfer_orders.c.status == "ORDERED"),
    ),
    ErasureObstacle.AGENT_BALANCE: sa.exists().where(
        agents.c.participant_id == _of_payer,
        agent_balances.c.agent_id == agents.c.agent_id,
        agent_balances.c.balance > 0,
    ),
    ErasureObstacle.PROPOSAL_PENDING: sa.exists().where(
        proposals.c.status == "PENDING", sa.or_(proposals.c.participant_id == _of_payer, _theirs)
    ),
}
