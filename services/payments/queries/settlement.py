"""Settlement files, days and cases: what their use cases decide on, and what falls due."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.reconciliation import CreditCorrectionProposed, LineOutcome, SettlementLayout
from contracts.values import WIB, CaseId, PaymentId, SettlementFileId
from services.payments.domain.settlement.cases import CREDIT_GAP, SETTLED, Missing
from services.payments.domain.settlement.days import Window
from services.payments.domain.settlement.outcomes import CaseOutcome, Listing, Receipt, Waiting
from services.payments.domain.suspense import VOIDED
from services.payments.queries.receipts import Reference, came_by_a_channel, is_of_a_partner
from services.payments.tables import (
    agent_balances,
    bills,
    cases,
    collective_bills,
    payers,
    payments,
    settlement_days,
    settlement_differences,
    settlement_files,
    settlement_layouts,
    settlement_lines,
    settlement_parts,
    suspense,
)

Paid = tuple[str, str, int, datetime]
"""(partner, customer number, amount, the partner's time to the second)."""

PartnerDay = tuple[str, date]
FILES_TIMER = "settlement-files"
"""Works files off; what it could not is backed off under this name, by the file's id."""

MISSING_AT_BANK = str(LineOutcome.MISSING_AT_BANK)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file on its way. `totals`: outcome → [lines, amount, fees] so far; `layout`: None in files of before it was noted.

    `differences`: two people booked money of this partner's lines before.
    """

    file_id: SettlementFileId
    partner: str
    day: date
    parts: int
    parts_done: int
    totals: Mapping[str, Sequence[int]]
    reconciled: bool
    layout: SettlementLayout | None = None
    differences: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What a partner owes for its day, what of it has come, what it may keep, and what of that is booked; whole rupiah.

    `credits`: the account lines on which it came, number → amount; `corrections`: what somebody proposed of them and waits, by its id.
    """

    expected: int
    received: int
    fees: int
    fees_booked: int
    credits: Mapping[str, int]
    corrections: Mapping[str, CreditCorrectionProposed]

    @property
    def gap(self) -> int:
        return self.expected - self.received

    @property
    def fees_open(self) -> int:
        """Not booked yet; below zero where more is booked than the file says."""
        return self.fees - self.fees_booked


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`payment_taken_back`: its payment no longer stands."""

    case_id: CaseId
    kind: str
    partner: str
    day: date
    owner: str
    open: bool
    payment_taken_back: bool
    status_told: str | None


async def layouts(conn: AsyncConnection, wanted: Collection[PartnerDay]) -> dict[PartnerDay, SettlementLayout]:
    """The layout in force on each of these days; none where nothing was agreed for so early a day."""
    query = sa.select(settlement_layouts).where(
        rows.matching(settlement_layouts.c.partner, {partner for partner, _ in wanted})
    )
    found = (await conn.execute(query.order_by(settlement_layouts.c.valid_from))).mappings().all()
    chosen = {}
    for partner, day in wanted:
        for row in found:
            if row["partner"] == partner and row["valid_from"] <= day:
                chosen[partner, day] = layout_of(row["layout"])
    return chosen


def layout_of(stored: Mapping[str, Any]) -> SettlementLayout:
    return SettlementLayout.model_validate_json(json.dumps(stored))


async def last_files(
    conn: AsyncConnection, wanted: Collection[PartnerDay]
) -> dict[PartnerDay, tuple[str, SettlementFileId]]:
    """Hash and id of the newest file of each of these days."""
    table, later = settlement_files, settlement_files.alias("later")
    newer = sa.exists().where(
        later.c.partner == table.c.partner, later.c.day == table.c.day, later.c.file_id > table.c.file_id
    )
    query = sa.select(table.c.partner, table.c.day, table.c.sha256, table.c.file_id).where(
        rows.matching(table.c.partner, {partner for partner, _ in wanted}),
        rows.matching(table.c.day, {day for _, day in wanted}),
        sa.not_(newer),
    )
    return {(row.partner, row.day): (row.sha256, SettlementFileId(row.file_id)) for row in await conn.execute(query)}


async def files_due(conn: AsyncConnection, limit: int, held_back: sa.ColumnElement[bool]) -> list[str]:
    """Of each partner the oldest file that is not reconciled: one after the other, so a line meets those listed before it.

    `held_back` is over `settlement_files`; a file that is held back holds back those of its partner behind it.
    """
    table, earlier = settlement_files, settlement_files.alias("earlier")
    first = sa.not_(
        sa.exists().where(
            earlier.c.partner == table.c.partner,
            earlier.c.reconciled_at.is_(None),
            earlier.c.file_id < table.c.file_id,
        )
    )
    query = (
        sa.select(table.c.file_id)
        .where(table.c.reconciled_at.is_(None), first, sa.not_(held_back))
        .order_by(table.c.file_id)
        .limit(limit)
    )
    return [str(row.file_id) for row in await conn.execute(query)]


async def missing(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[PaymentId, Missing]:
    """What the files of their partners say of these receipts, by our payment id. One statement."""
    day = sa.cast(sa.func.timezone(str(WIB), payments.c.effective_at), sa.Date)
    agreed = sa.exists().where(
        settlement_layouts.c.partner == payments.c.partner, settlement_layouts.c.valid_from <= day
    )
    more = sa.exists().where(
        settlement_files.c.partner == cases.c.partner,
        settlement_files.c.file_id > cases.c.file_id,
        settlement_files.c.reconciled_at.is_not(None),
    )
    is_open = sa.and_(
        cases.c.payment_id == payments.c.payment_id, cases.c.kind == MISSING_AT_BANK, cases.c.closed_at.is_(None)
    )
    query = (
        sa.select(
            payments.c.payment_id,
            payments.c.partner,
            agreed.label("agreed"),
            cases.c.case_id,
            cases.c.day,
            cases.c.status_told,
            more.label("more"),
        )
        .outerjoin(cases, is_open)
        .where(rows.matching(payments.c.payment_id, wanted))
    )
    return {
        PaymentId(row.payment_id): Missing(row.partner, row.agreed, row.case_id, row.day, row.status_told, row.more)
        for row in await conn.execute(query)
    }


async def files(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[SettlementFileId, File]:
    booked = sa.exists().where(settlement_differences.c.partner == settlement_files.c.partner)
    query = sa.select(settlement_files, booked.label("differences")).where(
        rows.matching(settlement_files.c.file_id, wanted)
    )
    return {
        SettlementFileId(row.file_id): File(
            file_id=SettlementFileId(row.file_id),
            partner=row.partner,
            day=row.day,
            parts=row.parts,
            parts_done=row.parts_done,
            totals=row.totals,
            reconciled=row.reconciled_at is not None,
            layout=None if row.layout is None else layout_of(row.layout),
            differences=row.differences,
        )
        for row in await conn.execute(query)
    }


async def boxes(
    conn: AsyncConnection, wanted: Collection[tuple[UUID, int]]
) -> dict[tuple[SettlementFileId, int], tuple[int, bytes]]:
    """(file, number of the part) → the number of its first line, and its box."""
    table = settlement_parts
    query = sa.select(table).where(
        rows.matching(table.c.file_id, {file_id for file_id, _ in wanted}),
        rows.matching(table.c.number, {number for _, number in wanted}),
    )
    found = {(row.file_id, row.number): (row.first_line, bytes(row.box)) for row in await conn.execute(query)}
    return {(SettlementFileId(file_id), number): found[file_id, number] for file_id, number in wanted}


async def receipts_by_payment(conn: AsyncConnection, wanted: Collection[Paid]) -> dict[Paid, Receipt]:
    """Payments of these partners under these numbers, of just this amount in just this second; the latest of several."""
    if not wanted:
        return {}
    asked = _asked(["partner", "code", "amount", "at"], [sa.Text, sa.Text, sa.BigInteger, sa.TIMESTAMP(True)], wanted)
    whole = sa.and_(payments.c.bill_id == collective_bills.c.bill_id, payments.c.participant_id.is_(None))
    standing = sa.and_(payments.c.participant_id == payers.c.participant_id, payments.c.number.is_(None))
    single = sa.and_(payments.c.participant_id == bills.c.participant_id, payments.c.number == bills.c.number)
    ways = (
        (payers, payers.c.contribution_code, standing),
        (bills, bills.c.number, single),
        (collective_bills, collective_bills.c.code, whole),
        (agent_balances, agent_balances.c.code, payments.c.agent_id == agent_balances.c.agent_id),
    )
    query = sa.union_all(*(_paid_to(asked, *way) for way in ways))
    found = sorted((row.posted_at, row.payment_id, row) for row in await conn.execute(query))
    return {
        (row.partner, row.code, row.amount, row.at): Receipt(
            row.channel_reference, PaymentId(row.payment_id), row.amount
        )
        for _, _, row in found
    }


def _paid_to(
    asked: sa.Subquery, owners: sa.Table, code: sa.ColumnElement[str], theirs: sa.ColumnElement[bool]
) -> sa.Select[tuple[Any, ...]]:
    return (
        sa.select(asked, payments.c.payment_id, payments.c.channel_reference, payments.c.posted_at)
        .join(owners, code == asked.c.code)
        .join(
            payments,
            sa.and_(
                theirs,
                payments.c.partner == asked.c.partner,
                payments.c.amount == asked.c.amount,
                payments.c.effective_at >= asked.c.at,
                payments.c.effective_at < asked.c.at + timedelta(seconds=1),
                is_of_a_partner(payments),
                stands(),
            ),
        )
    )


async def listings(conn: AsyncConnection, wanted: Collection[Reference]) -> dict[Reference, list[Listing]]:
    """Where these receipts are listed so far, oldest first: not by lines that were duplicates themselves, nor in files that were replaced."""
    table = settlement_lines
    asked = _asked(["partner", "reference"], [sa.Text, sa.Text], wanted)
    query = (
        sa.select(table.c.partner, table.c.reference, table.c.file_id, table.c.day, table.c.line)
        .join(asked, sa.and_(table.c.partner == asked.c.partner, table.c.reference == asked.c.reference))
        .where(table.c.outcome != str(LineOutcome.DUPLICATE), sa.not_(_replaced()))
        .order_by(table.c.file_id, table.c.line)
    )
    found: dict[Reference, list[Listing]] = {}
    for row in await conn.execute(query):
        listing = Listing(SettlementFileId(row.file_id), row.day, row.line)
        found.setdefault((row.partner, row.reference), []).append(listing)
    return found


async def waiting(conn: AsyncConnection, wanted: Collection[Reference]) -> dict[Reference, Waiting]:
    """Open cases about payments that their partner had not listed."""
    asked = _asked(["partner", "reference"], [sa.Text, sa.Text], wanted)
    query = (
        sa.select(cases.c.case_id, cases.c.partner, cases.c.reference, cases.c.day)
        .join(asked, sa.and_(cases.c.partner == asked.c.partner, cases.c.reference == asked.c.reference))
        .where(cases.c.closed_at.is_(None), cases.c.kind == MISSING_AT_BANK)
    )
    return {(row.partner, row.reference): Waiting(CaseId(row.case_id), row.day) for row in await conn.execute(query)}


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A payment of ours that the partner's file of the day does not have. `known`: a case about it is open, or a person closed one."""

    payment_id: PaymentId
    reference: str
    amount: int
    known: bool


async def unlisted(conn: AsyncConnection, file: File, window: Window) -> list[Unlisted]:
    """Of the business day of a file that was worked off: what the partner reported and does not list, but in files that this one replaces.

    A share came as part of a whole, which is listed in its place; what was paid out of suspense came as the receipt of that money; what two
    people booked belongs to the day whose line it was, whenever its payer paid, and as the rest of a line it is listed by a line of more
    than stood in the books before. A duplicate that they booked lists that money alone, and not the payment that it repeats.
    """
    counts = sa.or_(
        settlement_lines.c.file_id == file.file_id,
        sa.and_(settlement_lines.c.day != file.day, sa.not_(_replaced())),
    )
    own = settlement_differences.alias("own")
    booked_as_further = sa.exists().where(
        own.c.partner == settlement_lines.c.partner,
        own.c.day == settlement_lines.c.day,
        own.c.file_id == settlement_lines.c.file_id,
        own.c.line == settlement_lines.c.line,
        own.c.kind == str(LineOutcome.DUPLICATE),
    )
    listed = sa.exists().where(
        settlement_lines.c.partner == payments.c.partner,
        settlement_lines.c.reference == payments.c.channel_reference,
        counts,
        sa.not_(booked_as_further),
    )
    as_the_rest = sa.exists().where(
        settlement_differences.c.payment_id == payments.c.payment_id,
        settlement_differences.c.kind == str(LineOutcome.AMOUNT_DIFFERS),
        settlement_lines.c.partner == payments.c.partner,
        settlement_lines.c.reference == settlement_differences.c.reference,
        settlement_lines.c.amount > sa.func.coalesce(settlement_differences.c.amount_here, 0),
        counts,
    )
    known = sa.exists().where(
        cases.c.payment_id == payments.c.payment_id,
        cases.c.kind == MISSING_AT_BANK,
        # a file that listed it may have been withdrawn since
        sa.or_(cases.c.closed_at.is_(None), cases.c.outcome != CaseOutcome.FOUND_IN_FILE),
    )
    lacking = sa.select(
        payments.c.payment_id, payments.c.channel_reference, payments.c.amount, known.label("known")
    ).where(
        payments.c.partner == file.partner,
        payments.c.share_of.is_(None),
        came_by_a_channel(payments),
        stands(),
        sa.not_(listed),
        sa.not_(as_the_rest),
    )
    booked = settlement_differences.c.payment_id == payments.c.payment_id
    paid_then = lacking.where(
        payments.c.effective_at >= window.start,
        payments.c.effective_at < window.end,
        sa.not_(sa.exists().where(booked)),
    )
    booked_of_it = lacking.join(settlement_differences, booked).where(
        settlement_differences.c.partner == file.partner, settlement_differences.c.day == file.day
    )
    found = await conn.execute(sa.union_all(paid_then, booked_of_it).order_by("payment_id"))
    return [Unlisted(PaymentId(row.payment_id), row.channel_reference, row.amount, row.known) for row in found]


async def days(conn: AsyncConnection, wanted: Collection[PartnerDay]) -> dict[PartnerDay, Day]:
    """Days of which a file was reconciled."""
    table = settlement_days
    query = sa.select(table).where(rows.matching(table.c.partner, {partner for partner, _ in wanted}))
    query = query.where(rows.matching(table.c.day, {day for _, day in wanted}))
    return {
        (row.partner, row.day): Day(
            expected=row.expected,
            received=row.received,
            fees=row.fees,
            fees_booked=row.fees_booked,
            credits=row.credits,
            corrections={key: _correction(one) for key, one in row.corrections.items()},
        )
        for row in await conn.execute(query)
    }


def _correction(stored: Mapping[str, Any]) -> CreditCorrectionProposed:
    return CreditCorrectionProposed.model_validate_json(json.dumps(stored))


async def overdue_days(conn: AsyncConnection, before: date, limit: int, held_back: sa.ColumnElement[bool]) -> list[str]:
    """Keys of days before this one that money is owed for, with no case about it that is open or that a person ended.

    `held_back` is over `day_key()`.
    """
    table = settlement_days
    known = sa.exists().where(
        cases.c.partner == table.c.partner,
        cases.c.day == table.c.day,
        cases.c.kind == CREDIT_GAP,
        sa.or_(cases.c.closed_at.is_(None), cases.c.outcome != SETTLED),
    )
    query = (
        sa.select(day_key())
        .where(table.c.expected > table.c.received, table.c.day < before, sa.not_(known), sa.not_(held_back))
        .order_by(table.c.day, table.c.partner)
        .limit(limit)
    )
    return [str(key) for key in (await conn.execute(query)).scalars()]


def day_key() -> sa.ColumnElement[str]:
    """As `days.stream_key` has it."""
    return settlement_days.c.partner + ":" + sa.cast(settlement_days.c.day, sa.Text)


async def gap_cases(conn: AsyncConnection, wanted: Collection[PartnerDay]) -> dict[PartnerDay, CaseId]:
    """The open case about money that is short or too much, per day."""
    query = sa.select(cases.c.case_id, cases.c.partner, cases.c.day).where(
        rows.matching(cases.c.partner, {partner for partner, _ in wanted}),
        rows.matching(cases.c.day, {day for _, day in wanted}),
        cases.c.kind == CREDIT_GAP,
        cases.c.closed_at.is_(None),
    )
    return {(row.partner, row.day): CaseId(row.case_id) for row in await conn.execute(query)}


async def cases_by_id(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[CaseId, Case]:
    query = (
        sa.select(cases, sa.not_(stands()).label("taken_back"))
        .outerjoin(payments, payments.c.payment_id == cases.c.payment_id)
        .where(rows.matching(cases.c.case_id, wanted))
    )
    return {
        CaseId(row.case_id): Case(
            case_id=CaseId(row.case_id),
            kind=row.kind,
            partner=row.partner,
            day=row.day,
            owner=row.owner,
            open=row.closed_at is None,
            payment_taken_back=row.payment_id is not None and bool(row.taken_back),
            status_told=row.status_told,
        )
        for row in await conn.execute(query)
    }


def _replaced() -> sa.ColumnElement[bool]:
    """A line of a file after which another one of its day was reconciled: the partner lists by it no more."""
    return sa.exists().where(
        settlement_days.c.partner == settlement_lines.c.partner,
        settlement_days.c.day == settlement_lines.c.day,
        settlement_days.c.file_id > settlement_lines.c.file_id,
    )


def stands() -> sa.ColumnElement[bool]:
    """A receipt whose money is in our books: on its bill, or in suspense, or was used out of it."""
    waits = sa.exists().where(
        suspense.c.partner == payments.c.partner,
        suspense.c.channel_reference == payments.c.channel_reference,
        suspense.c.outcome.is_distinct_from(VOIDED),
    )
    return sa.or_(payments.c.reversed_for.is_(None), waits)


def _asked(names: Sequence[str], types: Sequence[Any], wanted: Collection[tuple[Any, ...]]) -> sa.Subquery:
    """Tuples as rows: one cached statement for any number."""
    ordered = sorted(wanted)
    columns = [
        sa.func.unnest(sa.cast([row[place] for row in ordered], sa.ARRAY(type_))).label(name)
        for place, (name, type_) in enumerate(zip(names, types, strict=True))
    ]
    return sa.select(*columns).subquery()
