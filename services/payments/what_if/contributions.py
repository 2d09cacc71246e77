"""What a contribution month cost whoever paid it: as billed, by the rules of its bill, and by the supposed ones (domain.md section 5).

The price of the month is compared, before any credit: with what it was paid is no question of the price.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.problems import FieldError
from chassis.transaction import Projection, Recorded
from contracts.events.contributions import ContributionBilled, MonthCharge, PayerAdded, PayerCorrected
from contracts.values import BillId, ContributionMonth, Programme, Sector
from services.payments.domain.bill import Bill
from services.payments.domain.contribution import charge
from services.payments.domain.parameters import CONTRIBUTION, ContributionRules, Dated, Sets
from services.payments.queries import what_if as stated
from services.payments.store import bill_of
from services.payments.what_if.answers import Answer
from services.payments.what_if.supposing import Supposed, Unanswerable

KINDS = (CONTRIBUTION.name,)
_PARTS = ("jkk", "jkm", "jht")
_JUST_BEFORE = timedelta(microseconds=1)


class Basis(NamedTuple):
    """What a bill was priced by, as noted when it was issued. Later corrections change no bill and leave no trace in the state."""

    income: int
    sector: Sector
    programmes: frozenset[Programme]


class Bases:
    """Notes by what the bills of one month were priced, as the events go by."""

    def __init__(self, month: ContributionMonth) -> None:
        self._month = month
        self.of: dict[BillId, Basis] = {}

    def beside(self, project: Projection) -> Projection:
        """The projection, and the notes with it."""

        async def noted(conn: AsyncConnection, events: Sequence[Recorded]) -> None:
            await self._note(conn, events)
            await project(conn, events)

        return noted

    async def _note(self, conn: AsyncConnection, events: Sequence[Recorded]) -> None:
        """Before the batch is projected: the rows stand as of its beginning."""
        wanted = {r.event.participant_id for r in events if self._is_of_month(r)}  # type: ignore[attr-defined]
        if not wanted:
            return
        now = {of: _basis(row) for of, row in (await stated.priced_by(conn, wanted)).items()}
        for event in (r.event for r in events):
            if isinstance(event, PayerAdded | PayerCorrected):
                now[event.participant_id] = Basis(event.income, event.sector, frozenset(event.programmes))
            elif isinstance(event, ContributionBilled) and event.participant_id in wanted:
                self.of[event.bill_id] = now[event.participant_id]

    def _is_of_month(self, r: Recorded) -> bool:
        event = r.event
        return isinstance(event, ContributionBilled) and any(one.month == self._month for one in event.months)


async def contributions(
    conn: AsyncConnection, month: ContributionMonth, sets: Sets, supposed: Supposed, bases: Mapping[BillId, Basis]
) -> AsyncIterator[Answer]:
    """Bills by id. Raises Unanswerable when no payment for the month stands."""
    by_version = {one.version: one for one in sets.every(CONTRIBUTION)}
    nothing = True
    async for page in stated.bills_paid(conn, month):
        nothing = False
        for row in page:
            bill = bill_of(row._mapping)
            yield _answer(row, bill, month, by_version[row.rules], supposed, bases[bill.bill_id])
    if nothing:
        raise Unanswerable(_no_payment(month))


def _answer(
    row: sa.Row[Any],
    bill: Bill,
    month: ContributionMonth,
    in_force: Dated[ContributionRules],
    supposed: Supposed,
    basis: Basis,
) -> Answer:
    billed = next(one for one in bill.months if one.month == month)
    instead = supposed.over(CONTRIBUTION, in_force)
    was, would = (_charge(bill, month, basis, rules.value) for rules in (in_force, instead))
    who = {"role": "bill", "id": str(bill.bill_id), "participant_id": str(row.participant_id)}
    parts = {name: (getattr(was, name), getattr(would, name)) for name in _PARTS}
    return Answer(who, (in_force.version, instead.version), billed.total, was.total, would.total, parts)


def _charge(bill: Bill, month: ContributionMonth, basis: Basis, rules: ContributionRules) -> MonthCharge:
    """A bill expires with the month for whose day it was priced."""
    return charge(
        month,
        income=basis.income,
        programmes=basis.programmes,
        sector=bill.sector or basis.sector,
        funding_source=bill.funding_source,
        rules=rules,
        issued_in=ContributionMonth.of(bill.expires_at - _JUST_BEFORE),
    )


def _basis(row: sa.RowMapping) -> Basis:
    return Basis(row["income"], Sector(row["sector"]), frozenset(map(Programme, row["programmes"])))


def _no_payment(month: ContributionMonth) -> FieldError:
    return FieldError(
        "--month",
        "month_without_payments",
        f"Di arsip tidak ada pembayaran yang berlaku untuk {month}.",
        f"The archive has no payment for {month} that stands.",
    )
