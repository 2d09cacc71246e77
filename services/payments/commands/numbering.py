"""A number for one bill: paid there once, exactly, beside the payer's contribution code (SNAP kind CLOSED; snap.md section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Tx
from contracts.events.contributions import BillNumbered
from contracts.values import BillId, ParticipantId
from services.payments.commands.bills import bill_body
from services.payments.commands.payer_book import PayerBook
from services.payments.domain.bill import BillStatus
from services.payments.domain.paying import Limits, is_payable
from services.payments.problems import BILL_NOT_OPEN


@dataclass(frozen=True, slots=True)
class NumberBill:
    """`number` was drawn for this request and is lost where the bill has one. Whether the caller may see the payer was asked before."""

    participant_id: ParticipantId
    bill_id: BillId
    number: str
    meta: Meta


async def number_bills(tx: Tx, items: Sequence[NumberBill], /) -> list[Accepted | Rejected]:
    """The bill with its number: a new one, or for ever the one that it has, whatever became of the bill."""
    book = await PayerBook.load(tx, {item.participant_id for item in items}, {item.bill_id for item in items})
    return [_number(tx, book, item) for item in items]


def _number(tx: Tx, book: PayerBook, item: NumberBill) -> Accepted | Rejected:
    kept = book.get(item.participant_id)
    bill = kept.payer.bills.get(item.bill_id) if kept else None
    if kept is None or bill is None:
        return Rejected(NOT_FOUND)
    if bill.number is not None:
        return Accepted({**bill_body(kept, bill), "number": bill.number}, 200)
    payable = bill.status is BillStatus.OPEN and is_payable(kept.payer, bill, tx.now, None, Limits())
    if not payable or not kept.payer.may_pay(tx.now):
        return Rejected(BILL_NOT_OPEN)
    numbered = BillNumbered(bill_id=bill.bill_id, participant_id=item.participant_id, number=item.number)
    kept = book.record(kept, [numbered], meta=item.meta)
    return Accepted({**bill_body(kept, bill), "number": item.number})
