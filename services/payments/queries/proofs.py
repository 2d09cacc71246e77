"""What a proof of payment says, read for one payment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.tables import agent_balances, bills, collective_bills, partners, payers, payments

_WHOLE = collective_bills.alias("whole")
_SHARED = collective_bills.alias("shared")


async def paid(conn: AsyncConnection, payment_id: UUID) -> Mapping[Any, Any] | None:
    """The payment with its payer, collective bill or deposit, and the partner's name; None when there is no such payment."""
    query = (
        sa.select(
            payments,
            payers.c.name,
            payers.c.kpj,
            payers.c.contribution_code,
            bills.c.funding_source,
            _WHOLE.c.code.label("whole_code"),
            _WHOLE.c.heads,
            _WHOLE.c.funding_source.label("whole_funding_source"),
            _SHARED.c.code.label("shared_code"),
            agent_balances.c.code.label("deposit_code"),
            partners.c.name.label("partner_name"),
        )
        .select_from(payments)
        .outerjoin(payers, payers.c.participant_id == payments.c.participant_id)
        .outerjoin(bills, bills.c.bill_id == payments.c.bill_id)
        .outerjoin(_WHOLE, _WHOLE.c.bill_id == payments.c.bill_id)
        .outerjoin(_SHARED, _SHARED.c.bill_id == payments.c.share_of)
        .outerjoin(agent_balances, agent_balances.c.agent_id == payments.c.agent_id)
        .outerjoin(partners, partners.c.partner == payments.c.partner)
        .where(payments.c.payment_id == payment_id)
    )
    return (await conn.execute(query)).mappings().first()


async def is_visible(
    conn: AsyncConnection, payment_id: UUID, of_payers: sa.ColumnElement[bool], of_balances: sa.ColumnElement[bool]
) -> bool:
    """Whether this payment is of a payer or an agent's balance within these scopes."""
    query = (
        sa.select(payments.c.payment_id)
        .outerjoin(payers, payers.c.participant_id == payments.c.participant_id)
        .outerjoin(agent_balances, agent_balances.c.agent_id == payments.c.agent_id)
        .where(
            payments.c.payment_id == payment_id,
            sa.or_(
                sa.and_(payers.c.participant_id.is_not(None), of_payers),
                sa.and_(agent_balances.c.agent_id.is_not(None), of_balances),
            ),
        )
    )
    return (await conn.execute(query)).first() is not None
