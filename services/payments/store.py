"""How a payer and the bills lie in their tables: the one place that turns rows into `Payer` and back.

Loading then evolving and projecting then loading give the same payer; a test holds them together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.transaction import Scope
from contracts.events.contributions import BillKind, CreditedMonth, MonthCharge
from contracts.values import (
    BillId,
    ContributionMonth,
    FundingSource,
    ParticipantId,
    PaymentId,
    Programme,
    Sector,
)
from services.payments.domain.bill import Bill, BillStatus
from services.payments.domain.payer import Payer
from services.payments.domain.paying import Posted
from services.payments.tables import bills, payers

_COLUMNS = (*payers.columns, *(column.label(f"bill_{column.name}") for column in bills.columns))


class Kept(NamedTuple):
    """A payer with what the rows hold beside the domain's state; `rules`: the rule version that priced each bill."""

    payer: Payer
    name: bytes | None
    nik_hash: str | None
    scope: Scope
    rules: Mapping[BillId, str] = MappingProxyType({})
    kpj: str | None = None


async def load_payers(
    conn: AsyncConnection, which: sa.ColumnElement[bool], bills_wanted: sa.ColumnElement[bool]
) -> dict[ParticipantId, Kept]:
    """The payers that `which` selects, each with those of its bills that `bills_wanted` selects. One statement."""
    query = (
        sa.select(*_COLUMNS)
        .select_from(payers.outerjoin(bills, sa.and_(bills.c.participant_id == payers.c.participant_id, bills_wanted)))
        .where(which)
    )
    first_rows: dict[ParticipantId, Mapping[Any, Any]] = {}
    bills_of: defaultdict[ParticipantId, dict[BillId, Bill]] = defaultdict(dict)
    rules: defaultdict[ParticipantId, dict[BillId, str]] = defaultdict(dict)
    for row in (await conn.execute(query)).mappings():
        participant_id = row["participant_id"]
        first_rows.setdefault(participant_id, row)
        if row["bill_bill_id"] is not None:
            bill = bill_of(row, prefix="bill_")
            bills_of[participant_id][bill.bill_id] = bill
            rules[participant_id][bill.bill_id] = row["bill_rules"]
    return {key: _kept(row, bills_of[key], rules[key]) for key, row in first_rows.items()}


def is_one_of(participants: Iterable[UUID]) -> sa.ColumnElement[bool]:
    """For `load_payers`: these participants."""
    return rows.matching(payers.c.participant_id, participants)


def payer_row(kept: Kept) -> dict[str, Any]:
    """The row of `payers`, but for `kpj` and who manages: those columns have events and writers of their own."""
    payer = kept.payer
    through = payer.paid_through
    return {
        "participant_id": payer.participant_id,
        "contribution_code": payer.contribution_code,
        "name": kept.name,
        "nik_hash": kept.nik_hash,
        "income": payer.income,
        "sector": str(payer.sector),
        "programmes": sorted(map(str, payer.programmes)),
        "funding_source": str(payer.funding_source),
        "registration_expires_at": payer.registration_expires_at,
        "paid": stretches(payer.paid),
        "paid_through": None if through is None else str(through),
        "graces": {str(month): payer.graces[month] for month in sorted(payer.graces)} or None,
        "credit": payer.credit,
        "from_suspense": payer.from_suspense,
        "credited": [_credited_json(payer.credited[month]) for month in sorted(payer.credited)],
        "blocked": payer.blocked,
        "closed_on": payer.closed_on,
        "new_to_bpu": payer.new_to_bpu,
        "branch_id": kept.scope.branch_id,
    }


def added_row(kept: Kept) -> dict[str, Any]:
    """The row of a new payer: whoever registered manages until something else is said."""
    scope = kept.scope
    return payer_row(kept) | {
        "wadah_id": scope.wadah_id,
        "agent_id": scope.agent_id,
        "registered_by": scope.agent_id,
    }


def bill_row(participant_id: ParticipantId, bill: Bill, rules: str) -> dict[str, Any]:
    """The whole row of `bills`; `rules`: the rule version that priced it."""
    return {
        "bill_id": bill.bill_id,
        "participant_id": participant_id,
        "kind": str(bill.kind),
        "months": charges_json(bill.months),
        "amount": bill.amount,
        "funding_source": str(bill.funding_source),
        "sector": None if bill.sector is None else str(bill.sector),
        "rules": rules,
        "issued_at": bill.issued_at,
        "expires_at": bill.expires_at,
        "status": str(bill.status),
        "closed_at": bill.closed_at,
        "reason": bill.reason,
        "payment_id": bill.payment_id,
        "number": bill.number,
    }


def bill_of(row: Mapping[Any, Any], *, prefix: str = "") -> Bill:
    """The bill of a row whose columns carry this prefix."""
    return Bill(
        bill_id=BillId(row[prefix + "bill_id"]),
        kind=BillKind(row[prefix + "kind"]),
        months=charges_of(row[prefix + "months"]),
        amount=row[prefix + "amount"],
        funding_source=FundingSource(row[prefix + "funding_source"]),
        issued_at=row[prefix + "issued_at"],
        expires_at=row[prefix + "expires_at"],
        status=BillStatus(row[prefix + "status"]),
        closed_at=row[prefix + "closed_at"],
        reason=row[prefix + "reason"],
        payment_id=None if row[prefix + "payment_id"] is None else PaymentId(row[prefix + "payment_id"]),
        sector=None if row[prefix + "sector"] is None else Sector(row[prefix + "sector"]),
        number=row[prefix + "number"],
    )


def posted_of(row: Mapping[Any, Any]) -> Posted:
    """The payment of a row of `payments`."""
    names = (
        "payment_id",
        "bill_id",
        "participant_id",
        "partner",
        "channel",
        "channel_reference",
        "amount",
        "effective_at",
        "posted_at",
        "reversed_for",
        "share_of",
        "agent_id",
        "number",
    )
    voided = bool(row.get("voided"))
    return Posted(months=charges_of(row["months"]), voided=voided, **{name: row[name] for name in names})


def receipt_row(posted: Posted, kind: BillKind | None = None) -> dict[str, Any]:
    """The whole row of `payments`; `kind` is that of the bill it settles."""
    return {
        "payment_id": posted.payment_id,
        "partner": posted.partner,
        "channel_reference": posted.channel_reference,
        "channel": posted.channel,
        "participant_id": posted.participant_id,
        "bill_id": posted.bill_id,
        "kind": None if kind is None else str(kind),
        "amount": posted.amount,
        "months": charges_json(posted.months),
        "effective_at": posted.effective_at,
        "posted_at": posted.posted_at,
        "reversed_for": posted.reversed_for,
        "share_of": posted.share_of,
        "agent_id": posted.agent_id,
        "number": posted.number,
    }


def charges_json(months: Sequence[MonthCharge]) -> list[dict[str, Any]]:
    """Month charges as they lie in a JSONB column."""
    return [_charge_json(charge) for charge in months]


@lru_cache(maxsize=4_096)
def _charge_json(charge: MonthCharge) -> dict[str, Any]:
    """Kept, as few charges differ: a month, a band, a sector. Nobody changes what is given."""
    return charge.model_dump(mode="json", exclude_defaults=True)


def _credited_json(one: CreditedMonth) -> dict[str, Any]:
    return one.model_dump(mode="json")


def charges_of(found: Iterable[Mapping[str, Any]]) -> tuple[MonthCharge, ...]:
    """Month charges from a JSONB column."""
    return tuple(MonthCharge.model_validate(charge) for charge in found)


def stretches(months: Collection[ContributionMonth]) -> list[list[str]]:
    """Months as unbroken stretches, oldest first: [["2025-10", "2025-12"]]."""
    found: list[list[ContributionMonth]] = []
    for month in sorted(months):
        if found and month - found[-1][1] == 1:
            found[-1][1] = month
        else:
            found.append([month, month])
    return [[str(first), str(last)] for first, last in found]


def months_of(found: Iterable[Sequence[str]]) -> frozenset[ContributionMonth]:
    """The months of such stretches."""
    ends = [(ContributionMonth.parse(first), ContributionMonth.parse(last)) for first, last in found]
    return frozenset(first + n for first, last in ends for n in range(last - first + 1))


def _kept(row: Mapping[Any, Any], bills: Mapping[BillId, Bill], rules: Mapping[BillId, str]) -> Kept:
    payer = Payer(
        participant_id=ParticipantId(row["participant_id"]),
        contribution_code=row["contribution_code"],
        income=row["income"],
        sector=Sector(row["sector"]),
        programmes=frozenset(map(Programme, row["programmes"])),
        funding_source=FundingSource(row["funding_source"]),
        registration_expires_at=row["registration_expires_at"],
        paid=months_of(row["paid"]),
        blocked=row["blocked"],
        closed_on=row["closed_on"],
        new_to_bpu=row["new_to_bpu"],
        by_agent=row["registered_by"] is not None,
        bills=bills,
        graces={ContributionMonth.parse(month): grace for month, grace in (row["graces"] or {}).items()},
        credit=row["credit"],
        from_suspense=row["from_suspense"],
        credited={one.month: one for one in map(CreditedMonth.model_validate, row["credited"])},
    )
    scope = Scope(row["branch_id"], row["wadah_id"], row["agent_id"])
    return Kept(payer, row["name"], row["nik_hash"], scope, rules, row["kpj"])
