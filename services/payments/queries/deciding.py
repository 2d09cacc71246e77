"""What use cases load from: by keys, after the heads, any number in one statement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from contracts.events.astray import Action
from contracts.values import BillId, ParticipantId, PaymentId
from services.payments.domain.parameters import MOST_BACKDATE_DAYS
from services.payments.domain.paying import Posted, Quote
from services.payments.domain.resolving import MISSING_AT_BANK
from services.payments.domain.suspense import VOIDED
from services.payments.queries.receipts import came_by_a_channel, is_of_a_partner
from services.payments.store import Kept, is_one_of, load_payers, posted_of
from services.payments.tables import bills, payers, payments, proposals, suspense

SETTLED_BILLS_MATTER_FOR = timedelta(days=MOST_BACKDATE_DAYS + 1)
"""A bill that ended longer ago can be paid no more, however far back a payment may lie; a quote's validity is minutes."""

Reference = tuple[str, str]
"""(partner, its own id of a payment or an inquiry)."""

CallKey = tuple[str, str, str, date]
"""(partner, payment or inquiry id, X-EXTERNAL-ID, WIB day)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One inquiry that was answered: for a payer, a collective bill or an agent. Deposits have no quote: any amount may be paid."""

    target_id: UUID
    amount: int
    quote: Quote | None


@dataclass(frozen=True, slots=True)
class Seen:
    """What was met before of a batch of calls; a use case adds what it decides, so later calls of the batch meet it too.

    `external_ids`: (partner, X-EXTERNAL-ID, WIB day) → keyed hash of the call's content.
    """

    payments: dict[Reference, Posted]
    inquiries: dict[Reference, Asked]
    external_ids: dict[tuple[str, str, date], bytes]


async def payers_with_live_bills(
    conn: AsyncConnection, participants: Collection[UUID], now: datetime, also: Collection[UUID] = ()
) -> dict[ParticipantId, Kept]:
    """State for deciding: each payer with the bills that can still matter at business instant `now`, and those of `also`."""
    wanted = _can_matter(now)
    if also:
        wanted = sa.or_(wanted, rows.matching(bills.c.bill_id, also))
    return await load_payers(conn, is_one_of(participants), wanted)


async def payers_by_number(
    conn: AsyncConnection,
    codes: Collection[str],
    nik_hashes: Collection[str],
    now: datetime,
    numbered: Mapping[BillId, ParticipantId],
) -> dict[ParticipantId, Kept]:
    """As above, found by contribution code or by keyed hash of a NIK; also whose bills are `numbered`, these bills with them."""
    which, wanted = _has_number(codes, nik_hashes), _can_matter(now)
    if numbered:
        which = sa.or_(which, is_one_of({*numbered.values()}))
        wanted = sa.or_(wanted, rows.matching(bills.c.bill_id, numbered))
    return await load_payers(conn, which, wanted)


async def bills_by_number(conn: AsyncConnection, numbers: Collection[str]) -> dict[BillId, ParticipantId]:
    """The bills that have these numbers for themselves, and whose they are: keys, nothing to decide on. A bill keeps its number for ever."""
    query = sa.select(bills.c.bill_id, bills.c.participant_id).where(rows.matching(bills.c.number, numbers))
    return {BillId(row.bill_id): ParticipantId(row.participant_id) for row in await conn.execute(query)}


async def participants_by_number(
    conn: AsyncConnection, codes: Collection[str], nik_hashes: Collection[str]
) -> list[ParticipantId]:
    """Who these numbers may belong to: keys to read heads and state of, nothing to decide on."""
    query = sa.select(payers.c.participant_id).where(_has_number(codes, nik_hashes))
    return [ParticipantId(row.participant_id) for row in await conn.execute(query)]


def _has_number(codes: Collection[str], nik_hashes: Collection[str]) -> sa.ColumnElement[bool]:
    has_code = rows.matching(payers.c.contribution_code, codes)
    return sa.or_(has_code, rows.matching(payers.c.nik_hash, nik_hashes)) if nik_hashes else has_code


def _can_matter(now: datetime) -> sa.ColumnElement[bool]:
    return sa.or_(bills.c.closed_at.is_(None), bills.c.closed_at > now - SETTLED_BILLS_MATTER_FOR)


async def payments_by_id(conn: AsyncConnection, wanted: Collection[UUID]) -> dict[PaymentId, Posted]:
    """Posted payments by our own id."""
    query = sa.select(payments).where(rows.matching(payments.c.payment_id, wanted))
    return {row["payment_id"]: posted_of(row) for row in (await conn.execute(query)).mappings()}


async def made_of(conn: AsyncConnection, receipts: Collection[UUID]) -> dict[PaymentId, list[Posted]]:
    """The payments that two people made out of these receipts and that stand, by the receipt.

    A match names payer and bill; payments have an index by the payer, and none by the bill.
    """
    of_its_bill = sa.and_(
        proposals.c.participant_id == payments.c.participant_id, proposals.c.bill_id == payments.c.bill_id
    )
    query = (
        sa.select(payments, proposals.c.payment_id.label("receipt"))
        .join(proposals, of_its_bill)
        .where(
            rows.matching(proposals.c.payment_id, receipts),
            proposals.c.action == str(Action.MATCH),
            proposals.c.status == "APPROVED",
            sa.not_(came_by_a_channel(payments)),
            payments.c.reversed_for.is_(None),
        )
        .order_by(payments.c.payment_id)
    )
    found: dict[PaymentId, list[Posted]] = {}
    for row in (await conn.execute(query)).mappings():
        found.setdefault(PaymentId(row["receipt"]), []).append(posted_of(row))
    return found


async def standing_payments(conn: AsyncConnection, participants: Collection[UUID]) -> list[Posted]:
    """Every payment of these payers that settles its bill."""
    of_them = rows.matching(payments.c.participant_id, participants)
    query = sa.select(payments).where(of_them, payments.c.reversed_for.is_(None))
    return [posted_of(row) for row in (await conn.execute(query)).mappings()]


_VOIDED = (
    f"CASE WHEN s.partner IS NULL THEN p.reversed_for IS NOT DISTINCT FROM '{MISSING_AT_BANK}'"
    f" ELSE s.outcome IS NOT DISTINCT FROM '{VOIDED}' END"
)
"""Of a receipt `p` and its money in suspense `s`: its partner never had it, and it has not arrived since (T13)."""

_SEEN = sa.text(
    "WITH asked AS (SELECT * FROM unnest(CAST(:partners AS text[]), CAST(:references AS text[]),"
    "  CAST(:external_ids AS text[]), CAST(:days AS date[])) AS a(partner, reference, external_id, day))"
    " SELECT 'payment' AS what, p.partner, p.channel_reference AS reference, p.payment_id, p.participant_id, p.bill_id,"
    "  p.channel, p.amount, p.months, p.effective_at, p.posted_at, p.reversed_for, p.share_of, p.agent_id,"
    f"  {_VOIDED} AS voided, p.number, NULL::bytea AS content"
    " FROM payments p JOIN asked a ON p.partner = a.partner AND p.channel_reference = a.reference"
    "  LEFT JOIN suspense s ON s.partner = p.partner AND s.channel_reference = p.channel_reference"
    " UNION ALL SELECT 'payment', n.partner, n.reference, p.payment_id, p.participant_id, p.bill_id,"
    "  p.channel, p.amount, p.months, p.effective_at, p.posted_at, p.reversed_for, p.share_of, p.agent_id,"
    f"  {_VOIDED}, p.number, NULL::bytea"
    " FROM receipt_names n JOIN asked a ON n.partner = a.partner AND n.reference = a.reference"
    "  JOIN payments p ON p.payment_id = n.payment_id"
    "  LEFT JOIN suspense s ON s.partner = p.partner AND s.channel_reference = p.channel_reference"
    " UNION ALL SELECT 'inquiry', i.partner, i.inquiry_request_id, NULL, i.target_id, i.bill_id,"
    "  NULL, i.amount, NULL, i.quoted_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL"
    " FROM inquiries i JOIN asked a ON i.partner = a.partner AND i.inquiry_request_id = a.reference"
    " UNION ALL SELECT 'external', e.partner, e.external_id, NULL, NULL, NULL, NULL, NULL, NULL,"
    "  CAST(e.day AS timestamp) AT TIME ZONE 'UTC', NULL, NULL, NULL, NULL, NULL, NULL, e.content"
    " FROM external_ids e JOIN asked a ON e.partner = a.partner AND e.external_id = a.external_id AND e.day = a.day"
).columns(
    what=sa.Text,
    partner=sa.Text,
    reference=sa.Text,
    payment_id=payments.c.payment_id.type,
    participant_id=payments.c.participant_id.type,
    bill_id=payments.c.bill_id.type,
    channel=sa.Text,
    amount=sa.BigInteger,
    months=payments.c.months.type,
    effective_at=payments.c.effective_at.type,
    posted_at=payments.c.posted_at.type,
    reversed_for=sa.Text,
    share_of=payments.c.share_of.type,
    agent_id=payments.c.agent_id.type,
    voided=sa.Boolean,
    number=sa.Text,
    content=sa.LargeBinary,
)


async def seen_before(conn: AsyncConnection, keys: Sequence[CallKey]) -> Seen:
    """What is known of these calls. One statement for any number.

    Read after the payers: then a payment that settled a bill is known by the time its bill is seen as paid.
    """
    partners, references, externals, days = zip(*keys, strict=True)
    bound = {
        "partners": list(partners),
        "references": list(references),
        "external_ids": list(externals),
        "days": list(days),
    }
    seen = Seen({}, {}, {})
    for row in (await conn.execute(_SEEN, bound)).mappings():
        reference = (row["partner"], row["reference"])
        match row["what"]:
            case "payment":
                seen.payments[reference] = posted_of({**row, "channel_reference": row["reference"]})
            case "inquiry":
                quote = None if row["bill_id"] is None else Quote(BillId(row["bill_id"]), row["effective_at"])
                seen.inquiries[reference] = Asked(target_id=row["participant_id"], amount=row["amount"], quote=quote)
            case "external":
                seen.external_ids[*reference, row["effective_at"].date()] = bytes(row["content"])
    return seen


async def payments_of_targets(
    conn: AsyncConnection, partners: Collection[str], targets: Collection[UUID]
) -> list[Posted]:
    """What these partners reported for these payers, collective bills and agents, newest first: receipts under a partner's own reference, no
    shares of a whole and nothing that was matched out of suspense.
    """
    p = payments.alias("p")
    paid_to = [p.c.participant_id, p.c.agent_id, p.c.bill_id]
    s = suspense.alias("s")
    query = (
        sa.select(p, sa.literal_column(_VOIDED, sa.Boolean).label("voided"))
        .outerjoin(s, sa.and_(s.c.partner == p.c.partner, s.c.channel_reference == p.c.channel_reference))
        .where(
            rows.matching(p.c.partner, partners),
            sa.or_(*(rows.matching(column, targets) for column in paid_to)),
            p.c.share_of.is_(None),
            is_of_a_partner(p),
        )
        .order_by(p.c.posted_at.desc(), p.c.payment_id.desc())
    )
    return [posted_of(row) for row in (await conn.execute(query)).mappings()]


async def payment_times(
    conn: AsyncConnection, partners: Collection[str], participants: Collection[UUID], since: datetime
) -> list[tuple[str, ParticipantId, datetime]]:
    """(partner, payer, transaction time) of what these partners took of these payers' own numbers from an instant on."""
    query = sa.select(payments.c.partner, payments.c.participant_id, payments.c.effective_at).where(
        rows.matching(payments.c.partner, partners),
        rows.matching(payments.c.participant_id, participants),
        payments.c.effective_at >= since,
        payments.c.share_of.is_(None),
        is_of_a_partner(payments),
    )
    return [(row.partner, ParticipantId(row.participant_id), row.effective_at) for row in await conn.execute(query)]
