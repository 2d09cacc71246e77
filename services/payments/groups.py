"""How collective bills and agents' balances lie in their tables, as `store` does it for payers and bills."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Scope
from contracts.events.contributions import BillKind
from contracts.events.groups import CollectiveLine
from contracts.values import AgentId, BillId, FundingSource, ParticipantId, PaymentId, ProposalId
from services.payments.domain.balance import AgentBalance
from services.payments.domain.collective import Collective, CollectiveStatus
from services.payments.domain.paying import Posted
from services.payments.store import charges_json, charges_of
from services.payments.tables import agent_balances, collective_bills, collective_lines


class KeptCollective(NamedTuple):
    """A collective bill with what its row holds beside the domain's state."""

    bill: Collective
    scope: Scope
    rules: str


class KeptBalance(NamedTuple):
    """An agent's balance with its scope."""

    balance: AgentBalance
    scope: Scope


async def load_collectives(conn: AsyncConnection, which: sa.ColumnElement[bool]) -> dict[BillId, KeptCollective]:
    """The collective bills that `which` selects, without their lines."""
    found = (await conn.execute(sa.select(collective_bills).where(which))).mappings()
    return {BillId(row["bill_id"]): collective_of(row) for row in found}


async def load_balances(conn: AsyncConnection, which: sa.ColumnElement[bool]) -> dict[AgentId, KeptBalance]:
    """The balances that `which` selects."""
    found = (await conn.execute(sa.select(agent_balances).where(which))).mappings()
    return {AgentId(row["agent_id"]): balance_of(row) for row in found}


async def load_lines(
    conn: AsyncConnection, wanted: Mapping[BillId, int], most: int
) -> dict[BillId, list[CollectiveLine]]:
    """Of each of these bills the lines after a number, `most` of them, in order. One statement for any number of bills."""
    found: dict[BillId, list[CollectiveLine]] = {bill_id: [] for bill_id in wanted}
    for row in (await conn.execute(_lines_after(wanted, most))).mappings():
        found[BillId(row["bill_id"])].append(line_of_row(row))
    return found


class PostedLine(NamedTuple):
    """A line and the payment, or the money in suspense, that it became."""

    number: int
    participant_id: ParticipantId
    share_bill_id: BillId
    payment_id: PaymentId


async def load_posted_lines(
    conn: AsyncConnection, wanted: Mapping[BillId, int], most: int
) -> dict[BillId, list[PostedLine]]:
    """As `load_lines`, of the lines that were posted."""
    query = _lines_after(wanted, most).where(collective_lines.c.payment_id.is_not(None))
    found: dict[BillId, list[PostedLine]] = {bill_id: [] for bill_id in wanted}
    for row in (await conn.execute(query)).mappings():
        found[BillId(row["bill_id"])].append(PostedLine(*(row[name] for name in PostedLine._fields)))
    return found


async def unposted_amounts(conn: AsyncConnection, bills: Collection[UUID]) -> dict[BillId, int]:
    """Whole rupiah of the lines of each bill that were not posted; a bill without any is left out."""
    query = (
        sa.select(
            collective_lines.c.bill_id, sa.cast(sa.func.sum(collective_lines.c.amount), sa.BigInteger).label("left")
        )
        .where(rows.matching(collective_lines.c.bill_id, bills), collective_lines.c.payment_id.is_(None))
        .group_by(collective_lines.c.bill_id)
    )
    return {BillId(row.bill_id): row.left for row in await conn.execute(query)}


def _lines_after(wanted: Mapping[BillId, int], most: int) -> sa.Select[Any]:
    after = (
        sa.func.unnest(sa.cast([*wanted], sa.ARRAY(sa.UUID)), sa.cast([*wanted.values()], sa.ARRAY(sa.Integer)))
        .table_valued(sa.column("bill_id", sa.UUID), sa.column("number", sa.Integer), name="after")
        .render_derived()
    )
    return (
        sa.select(collective_lines)
        .join(after, after.c.bill_id == collective_lines.c.bill_id)
        .where(
            collective_lines.c.number > after.c.number,
            collective_lines.c.number <= after.c.number + most,
        )
        .order_by(collective_lines.c.bill_id, collective_lines.c.number)
    )


def are_bills(bills: Collection[UUID]) -> sa.ColumnElement[bool]:
    return rows.matching(collective_bills.c.bill_id, bills)


def are_agents(agents: Collection[UUID]) -> sa.ColumnElement[bool]:
    return rows.matching(agent_balances.c.agent_id, agents)


def collective_of(row: Mapping[Any, Any]) -> KeptCollective:
    """The collective bill of a row of `collective_bills`."""
    bill = Collective(
        bill_id=BillId(row["bill_id"]),
        code=row["code"],
        funding_source=FundingSource(row["funding_source"]),
        heads=row["heads"],
        amount=row["amount"],
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        status=CollectiveStatus(row["status"]),
        closed_at=row["closed_at"],
        reason=row["reason"],
        paid=None if row["payment_id"] is None else _paid(row),
        shares_posted=row["shares_posted"],
        shares_suspended=row["shares_suspended"],
        reversed_at=row["reversed_at"],
        reversed_for=row["reversed_for"],
        reversed_by=None if row["reversed_by"] is None else ProposalId(row["reversed_by"]),
        shares_reversed=row["shares_reversed"],
        shares_kept=row["shares_kept"],
    )
    return KeptCollective(bill, Scope(row["branch_id"], row["wadah_id"]), row["rules"])


def collective_row(kept: KeptCollective) -> dict[str, Any]:
    """The whole row of `collective_bills`."""
    bill, paid = kept.bill, kept.bill.paid
    return {
        "bill_id": bill.bill_id,
        "code": bill.code,
        "funding_source": str(bill.funding_source),
        "heads": bill.heads,
        "amount": bill.amount,
        "rules": kept.rules,
        "issued_at": bill.issued_at,
        "expires_at": bill.expires_at,
        "status": str(bill.status),
        "closed_at": bill.closed_at,
        "reason": bill.reason,
        "payment_id": paid.payment_id if paid else None,
        "partner": paid.partner if paid else None,
        "channel": paid.channel if paid else None,
        "channel_reference": paid.channel_reference if paid else None,
        "effective_at": paid.effective_at if paid else None,
        "posted_at": paid.posted_at if paid else None,
        "shares_posted": bill.shares_posted,
        "shares_suspended": bill.shares_suspended,
        "reversed_at": bill.reversed_at,
        "reversed_for": bill.reversed_for,
        "reversed_by": bill.reversed_by,
        "shares_reversed": bill.shares_reversed,
        "shares_kept": bill.shares_kept,
        "branch_id": kept.scope.branch_id,
        "wadah_id": kept.scope.wadah_id,
    }


def line_of_row(row: Mapping[Any, Any]) -> CollectiveLine:
    """The line of a row of `collective_lines`."""
    return CollectiveLine(
        number=row["number"],
        participant_id=ParticipantId(row["participant_id"]),
        share_bill_id=BillId(row["share_bill_id"]),
        kind=BillKind(row["kind"]),
        months=charges_of(row["months"]),
    )


def line_row(bill_id: BillId, line: CollectiveLine) -> dict[str, Any]:
    """The row of a line that was just added."""
    return {
        "bill_id": bill_id,
        "number": line.number,
        "participant_id": line.participant_id,
        "share_bill_id": line.share_bill_id,
        "kind": str(line.kind),
        "months": charges_json(line.months),
        "amount": line.amount,
        "payment_id": None,
        "suspended_for": None,
        "reversed": False,
        "kept_for": None,
    }


def balance_of(row: Mapping[Any, Any]) -> KeptBalance:
    """The balance of a row of `agent_balances`."""
    balance = AgentBalance(AgentId(row["agent_id"]), row["code"], row["balance"])
    return KeptBalance(balance, Scope(row["branch_id"], row["wadah_id"], row["agent_id"]))


def _paid(row: Mapping[Any, Any]) -> Posted:
    return Posted(
        payment_id=PaymentId(row["payment_id"]),
        bill_id=BillId(row["bill_id"]),
        participant_id=None,
        partner=row["partner"],
        channel=row["channel"],
        channel_reference=row["channel_reference"],
        amount=row["amount"],
        months=(),
        effective_at=row["effective_at"],
        posted_at=row["posted_at"],
    )
