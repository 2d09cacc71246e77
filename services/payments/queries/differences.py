"""Money of lines that two people may book to suspense, and what they booked so far."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Scope
from contracts.events.reconciliation import DifferenceProposed, LineOutcome
from contracts.values import CaseId, PaymentId, ProposalId
from services.payments.domain.settlement.differences import Difference, Disputed
from services.payments.domain.suspense import VOIDED
from services.payments.queries.receipts import Reference
from services.payments.queries.settlement import PartnerDay, stands
from services.payments.tables import (
    cases,
    payers,
    payments,
    settlement_days,
    settlement_differences,
    settlement_files,
    settlement_lines,
    suspense,
)


class KeptDispute(NamedTuple):
    """`booking`: what somebody proposed and waits; `scope`: of whoever's receipt the line names."""

    disputed: Disputed
    open: bool
    booking: DifferenceProposed | None
    scope: Scope


@dataclass(frozen=True, slots=True)
class BookedDifferences:
    """That still stand: `above` by the reference of their line, `unread` of lines that could not be read, by the day."""

    above: dict[Reference, list[Difference]]
    unread: dict[PartnerDay, list[Difference]]

    def references(self) -> set[Reference]:
        """Under which this money stands itself."""
        named = {(partner, one.channel_reference) for (partner, _), found in self.above.items() for one in found}
        return named | {
            (partner, one.channel_reference) for (partner, _), found in self.unread.items() for one in found
        }


async def disputes(conn: AsyncConnection, wanted: Collection[CaseId]) -> dict[CaseId, KeptDispute]:
    """Cases with their lines, by the id of the case. One statement."""
    last = (
        sa.select(settlement_files.c.file_id)
        .where(settlement_files.c.partner == cases.c.partner, settlement_files.c.day == cases.c.day)
        .order_by(settlement_files.c.file_id.desc())
        .limit(1)
        .scalar_subquery()
    )
    line = sa.and_(settlement_lines.c.file_id == cases.c.file_id, settlement_lines.c.line == cases.c.line)
    day = sa.and_(settlement_days.c.partner == cases.c.partner, settlement_days.c.day == cases.c.day)
    first, first_day = settlement_files.alias("first"), settlement_days.alias("first_day")
    query = (
        sa.select(
            cases,
            settlement_lines.c.amount,
            settlement_lines.c.fee,
            settlement_lines.c.paid_at,
            payers.c.participant_id,
            payers.c.branch_id,
            payers.c.wadah_id,
            payers.c.agent_id,
            last.label("last_file"),
            settlement_days.c.file_id.label("day_file"),
            settlement_lines.c.first_file,
            first_day.c.file_id.label("first_day_file"),
            sa.case((stands(), sa.func.coalesce(payments.c.amount, 0)), else_=0).label("receipt_here"),
        )
        .outerjoin(settlement_lines, line)
        .outerjoin(settlement_days, day)
        .outerjoin(first, first.c.file_id == settlement_lines.c.first_file)
        .outerjoin(first_day, sa.and_(first_day.c.partner == first.c.partner, first_day.c.day == first.c.day))
        .outerjoin(payments, payments.c.payment_id == cases.c.payment_id)
        .outerjoin(payers, payers.c.participant_id == payments.c.participant_id)
        .where(rows.matching(cases.c.case_id, wanted))
    )
    found = (await conn.execute(query)).mappings()
    return {CaseId(row["case_id"]): _dispute(row) for row in found}


def _dispute(row: sa.RowMapping) -> KeptDispute:
    names = Disputed.__dataclass_fields__
    booking = row["booking"]
    return KeptDispute(
        Disputed(**{name: row[name] for name in names}),
        row["closed_at"] is None,
        None if booking is None else DifferenceProposed.model_validate_json(json.dumps(booking)),
        Scope(row["branch_id"], row["wadah_id"], row["agent_id"]),
    )


async def booked(
    conn: AsyncConnection, references: Collection[Reference], days: Collection[PartnerDay]
) -> BookedDifferences:
    """What was booked from lines with these references, and from unreadable lines of these days. One statement."""
    table = settlement_differences
    query = (
        sa.select(table)
        .where(
            rows.matching(table.c.partner, {partner for partner, _ in days}),
            sa.or_(
                rows.matching(table.c.reference, {reference for _, reference in references}),
                sa.and_(table.c.reference.is_(None), rows.matching(table.c.day, {day for _, day in days})),
            ),
            sa.not_(_voided()),
        )
        .order_by(table.c.payment_id)
    )
    above: defaultdict[Reference, list[Difference]] = defaultdict(list)
    unread: defaultdict[PartnerDay, list[Difference]] = defaultdict(list)
    for row in await conn.execute(query):
        if row.kind == LineOutcome.UNREADABLE:
            unread[row.partner, row.day].append(_difference(row))
        else:
            above[row.partner, row.reference].append(_difference(row))
    return BookedDifferences(above, unread)


async def carried(conn: AsyncConnection, days: Collection[PartnerDay]) -> dict[PartnerDay, dict[str, int]]:
    """What was booked of each account line of these days and stands, after its fees. One statement."""
    table = settlement_differences
    query = (
        sa.select(
            table.c.partner,
            table.c.day,
            table.c.evidence,
            sa.cast(sa.func.sum(sa.func.greatest(table.c.amount - table.c.fees, 0)), sa.BigInteger).label("came"),
        )
        .where(
            rows.matching(table.c.partner, {partner for partner, _ in days}),
            rows.matching(table.c.day, {day for _, day in days}),
            sa.not_(_voided()),
        )
        .group_by(table.c.partner, table.c.day, table.c.evidence)
    )
    found: defaultdict[PartnerDay, dict[str, int]] = defaultdict(dict)
    for row in await conn.execute(query):
        found[row.partner, row.day][row.evidence] = row.came
    return found


_DECIDED = sa.text(
    "SELECT said->>'case_id' AS case_id, said->>'proposal_id' AS proposal_id, coalesce(said->>'approved_by', said->>'dropped_by') AS by"
    " FROM (SELECT convert_from(payload, 'UTF8')::jsonb AS said FROM event_log WHERE stream = :stream"
    "  AND key = ANY(CAST(:keys AS text[])) AND type IN ('DifferenceBooked', 'DifferenceDropped')) decided"
)


async def decided_bookings(
    conn: AsyncConnection, stream: str, keys: Collection[str]
) -> dict[tuple[CaseId, ProposalId], str]:
    """Who approved or dropped proposals under these keys (cases and days), by case and proposal: their own events say so."""
    found = await conn.execute(_DECIDED, {"stream": stream, "keys": sorted(keys)})
    return {(CaseId(UUID(row.case_id)), ProposalId(UUID(row.proposal_id))): row.by for row in found}


def _voided() -> sa.ColumnElement[bool]:
    """Booked money that never came, as two people said later."""
    return sa.exists().where(
        suspense.c.partner == settlement_differences.c.partner,
        suspense.c.channel_reference == settlement_differences.c.channel_reference,
        suspense.c.outcome == VOIDED,
    )


def _difference(row: sa.Row[Any]) -> Difference:
    return Difference(
        PaymentId(row.payment_id),
        row.kind,
        row.day,
        row.line,
        row.reference,
        row.channel_reference,
        row.amount,
        row.amount_here,
        row.fees,
    )
