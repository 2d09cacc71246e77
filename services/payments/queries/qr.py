"""QR codes and what the acquirer is to be asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.contributions import BillKind
from contracts.values import BillId, ParticipantId
from services.payments.domain.qr import NOTICE_DIFFERS, Qr, QrState
from services.payments.tables import bills, cases, payers, qr_codes, qr_questions


@dataclass(frozen=True, slots=True)
class Question:
    """A code that the acquirer is to make or to be asked about; `reference` is its own for a code that is none of ours."""

    partner: str
    reference: str
    bill_id: BillId | None
    tries: int


@dataclass(frozen=True, slots=True)
class Asked:
    """The bill that a code is asked for, and the number that its payer pays under."""

    bill_id: BillId
    participant_id: ParticipantId
    contribution_code: str
    amount: int
    expires_at: datetime
    open: bool
    kind: BillKind
    by_agent: bool
    """An agent registered its payer."""

    def payable_at(self, instant: datetime) -> bool:
        return self.open and instant < self.expires_at


async def by_bill(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[BillId, Qr]:
    query = sa.select(qr_codes).where(rows.matching(qr_codes.c.bill_id, wanted))
    return {BillId(row["bill_id"]): _qr(row) for row in (await conn.execute(query)).mappings()}


async def bills_of(
    conn: AsyncConnection, partners: Collection[str], references: Collection[str], acquirers: Collection[str]
) -> set[BillId]:
    """Which bills' codes these references may name: keys to read heads of, nothing to decide on."""
    query = sa.select(qr_codes.c.bill_id).where(
        rows.matching(qr_codes.c.partner, partners),
        sa.or_(
            rows.matching(qr_codes.c.reference, references), rows.matching(qr_codes.c.acquirer_reference, acquirers)
        ),
    )
    return {BillId(row.bill_id) for row in await conn.execute(query)}


async def asked(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[BillId, Asked]:
    """Bills with the number of their payer."""
    query = (
        sa.select(bills, payers.c.contribution_code, payers.c.registered_by)
        .join(payers, payers.c.participant_id == bills.c.participant_id)
        .where(rows.matching(bills.c.bill_id, wanted))
    )
    return {
        BillId(row.bill_id): Asked(
            BillId(row.bill_id),
            ParticipantId(row.participant_id),
            row.contribution_code,
            row.amount,
            row.expires_at,
            row.status == "OPEN",
            BillKind(row.kind),
            row.registered_by is not None,
        )
        for row in await conn.execute(query)
    }


async def asked_by_reference(
    conn: AsyncConnection, wanted: Collection[tuple[str, str]]
) -> dict[tuple[str, str], tuple[BillId, str]]:
    """(acquirer, our reference) → the bill of that code, and the number that its payer pays under."""
    query = (
        sa.select(qr_codes.c.partner, qr_codes.c.reference, qr_codes.c.bill_id, payers.c.contribution_code)
        .join(payers, payers.c.participant_id == qr_codes.c.participant_id)
        .where(
            rows.matching(qr_codes.c.partner, {partner for partner, _ in wanted}),
            rows.matching(qr_codes.c.reference, {reference for _, reference in wanted}),
        )
    )
    return {
        (row.partner, row.reference): (BillId(row.bill_id), row.contribution_code) for row in await conn.execute(query)
    }


async def participant_of(conn: AsyncConnection, bill_id: UUID) -> UUID | None:
    query = sa.select(bills.c.participant_id).where(bills.c.bill_id == bill_id)
    found: UUID | None = (await conn.execute(query)).scalar_one_or_none()
    return found


async def claim(
    conn: AsyncConnection, *, of: str | UUID, now: datetime, wall: datetime, until: datetime, most: int
) -> list[Question]:
    """Takes the questions to an acquirer that are due, or those of one bill at once, until `until`, so nobody else asks them meanwhile."""
    table = qr_questions
    mine = table.c.bill_id == of if isinstance(of, UUID) else sa.and_(table.c.partner == of, table.c.ask_at <= now)
    free = (
        sa.select(table.c.partner, table.c.reference)
        .where(mine, sa.or_(table.c.lease_until.is_(None), table.c.lease_until < wall))
        .order_by(table.c.ask_at)
        .limit(most)
        .with_for_update(skip_locked=True)
        .subquery()
    )
    taking = (
        sa.update(table)
        .where(table.c.partner == free.c.partner, table.c.reference == free.c.reference)
        .values(lease_until=until)
        .returning(table.c.partner, table.c.reference, table.c.bill_id, table.c.tries)
    )
    return [
        Question(row.partner, row.reference, None if row.bill_id is None else BillId(row.bill_id), row.tries)
        for row in await conn.execute(taking)
    ]


def _qr(row: Mapping[Any, Any]) -> Qr:
    return Qr(
        bill_id=BillId(row["bill_id"]),
        participant_id=ParticipantId(row["participant_id"]),
        partner=row["partner"],
        reference=row["reference"],
        amount=row["amount"],
        expires_at=row["expires_at"],
        state=QrState(row["state"]),
        acquirer_reference=row["acquirer_reference"],
        content=row["content"],
        reason=row["reason"],
    )


async def contradicted(conn: AsyncConnection, references: Collection[str]) -> set[tuple[str, str, int | None]]:
    """(acquirer, its number, amount) of which there is or was a case, as money in the books is of another amount."""
    query = sa.select(cases.c.partner, cases.c.reference, cases.c.amount_there).where(
        cases.c.kind == NOTICE_DIFFERS, rows.matching(cases.c.reference, references)
    )
    return {(row.partner, row.reference, row.amount_there) for row in await conn.execute(query)}
