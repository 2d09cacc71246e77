"""Bills on request, and the end of bills whose time is over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chassis.ids import new_id
from chassis.outcomes import Accepted, Done
from chassis.problems import NOT_FOUND, Rejected
from chassis.records import Outcome
from chassis.timers import Due
from chassis.transaction import Meta, Tx
from contracts.events.contributions import ContributionBilled
from contracts.values import BillId, ParticipantId
from services.payments.commands.payer_book import PayerBook
from services.payments.domain.bill import Bill
from services.payments.domain.billing import CancelReason, CannotBill, end, expire, issue
from services.payments.domain.parameters import PREPAY_MONTHS, RETAIL_LIMITS, RetailLimits, Sets, day_of
from services.payments.domain.paying import Limits, is_payable
from services.payments.parameters import Parameters
from services.payments.problems import BILLING_PROBLEMS
from services.payments.store import Kept


@dataclass(frozen=True, slots=True)
class IssueBill:
    """Months from the oldest unpaid one on (None: all owed up to the current one); replaces the open bill.

    Whether the caller may see the payer was asked before.
    """

    participant_id: ParticipantId
    months: int | None
    meta: Meta


@dataclass(frozen=True, slots=True)
class IssueBills:
    """The use case: the bill in force for each command, a new one, or the open one when it holds just these months."""

    parameters: Parameters
    __name__ = "issue_bills"

    async def __call__(self, tx: Tx, items: Sequence[IssueBill], /) -> list[Accepted | Rejected]:
        sets = await self.parameters.sets(tx.conn)
        book = await PayerBook.load(tx, {item.participant_id for item in items})
        return [_issue(tx, book, item, sets) for item in items]


def _issue(tx: Tx, book: PayerBook, item: IssueBill, sets: Sets) -> Accepted | Rejected:
    kept = book.get(item.participant_id)
    if kept is None:
        return Rejected(NOT_FOUND)
    outcome = issue(kept.payer, now=tx.now, bill_id=BillId(new_id()), sets=sets, months=item.months)
    if not isinstance(outcome, tuple):
        return _refused(outcome, kept, sets, tx)
    bill, rules = outcome
    if (same := _open_bill_like(kept, bill, tx)) is not None:
        return Accepted(_offered(kept, same, sets, tx), 200)
    kept = book.record(kept, end(kept.payer, tx.now, CancelReason.REPLACED), meta=item.meta)
    kept = book.issue(kept, bill, meta=item.meta, rules=rules.version)
    return Accepted(_offered(kept, kept.payer.bills[bill.bill_id], sets, tx))


def _refused(refusal: CannotBill, kept: Kept, sets: Sets, tx: Tx) -> Rejected:
    offered = sets.set_on(PREPAY_MONTHS, day_of(tx.now))
    if refusal is CannotBill.MONTHS_NOT_OFFERED:
        choices = {"choices": ", ".join(map(str, offered.value.months))}
        return Rejected(BILLING_PROBLEMS[refusal], "months", choices, offered.version)
    return Rejected(BILLING_PROBLEMS[refusal], values={"reason": kept.payer.blocked or ""})


def _open_bill_like(kept: Kept, wanted: ContributionBilled, tx: Tx) -> Bill | None:
    bill = kept.payer.open_bill
    if bill is None or bill.months != wanted.months:
        return None
    return bill if is_payable(kept.payer, bill, tx.now, None, Limits()) else None


def _offered(kept: Kept, bill: Bill, sets: Sets, tx: Tx) -> dict[str, Any]:
    """The bill, and how many months one must hold to be paid at a shop: its own number, else the least that is offered, 0 where none is."""
    today = day_of(tx.now)
    limits, others = sets.on(RETAIL_LIMITS, today), sets.on(PREPAY_MONTHS, today).months
    fitting = len(bill.months) if limits.hold(bill.amount) else 0
    return bill_body(kept, bill) | {"retail_months": fitting or _least(kept, others, limits, sets, tx)}


def _least(kept: Kept, offered: Iterable[int], limits: RetailLimits, sets: Sets, tx: Tx) -> int:
    for months in offered:
        outcome = issue(kept.payer, now=tx.now, bill_id=BillId(new_id()), sets=sets, months=months)
        if isinstance(outcome, tuple) and limits.hold(outcome[0].amount):
            return months
    return 0


def bill_body(kept: Kept, bill: Bill) -> dict[str, Any]:
    """A bill as it is answered: ids, codes and sums, no personal data."""
    return {
        "bill_id": str(bill.bill_id),
        "participant_id": str(kept.payer.participant_id),
        "contribution_code": kept.payer.contribution_code,
        "kind": str(bill.kind),
        "months": [str(charge.month) for charge in bill.months],
        "amount": bill.amount,
        "status": str(bill.status),
        "expires_at": bill.expires_at.isoformat(),
    }


async def expire_bills(tx: Tx, items: Sequence[Due], /) -> list[Outcome]:
    """Marks the open bills of these payers as expired, if they still are due."""
    book = await PayerBook.load(tx, {ParticipantId(UUID(item.key)) for item in items})
    for item in items:
        kept = book.get(ParticipantId(UUID(item.key)))
        if kept is not None:
            book.record(kept, expire(kept.payer, tx.now), meta=item.meta)
    return [Done() for _ in items]
