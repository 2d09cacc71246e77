"""Cancelling an open bill on request. Its number stays payable: the next inquiry or request issues another bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.outcomes import Accepted
from chassis.problems import NOT_FOUND, Rejected
from chassis.transaction import Meta, Tx
from contracts.values import BillId, ParticipantId
from services.payments.commands.bills import bill_body
from services.payments.commands.payer_book import PayerBook
from services.payments.domain.bill import BillStatus
from services.payments.domain.billing import CancelReason, end
from services.payments.problems import BILL_ENDED


@dataclass(frozen=True, slots=True)
class CancelBill:
    """Whose bill it is was asked before, and whether the caller may see the payer."""

    participant_id: ParticipantId
    bill_id: BillId
    meta: Meta


async def cancel_bills(tx: Tx, items: Sequence[CancelBill], /) -> list[Accepted | Rejected]:
    """The bill as it ended: cancelled, or expired when its time was over. A repeat finds it cancelled and says the same."""
    book = await PayerBook.load(tx, {item.participant_id for item in items}, {item.bill_id for item in items})
    return [_cancel(tx, book, item) for item in items]


def _cancel(tx: Tx, book: PayerBook, item: CancelBill) -> Accepted | Rejected:
    kept = book.get(item.participant_id)
    bill = kept.payer.bills.get(item.bill_id) if kept else None
    if kept is None or bill is None:
        return Rejected(NOT_FOUND)
    if bill.status is BillStatus.OPEN:
        kept = book.record(kept, end(kept.payer, tx.now, CancelReason.ON_REQUEST), meta=item.meta)
        bill = kept.payer.bills[item.bill_id]
    if bill.status in (BillStatus.CANCELLED, BillStatus.EXPIRED):
        return Accepted(bill_body(kept, bill), 200)
    return Rejected(BILL_ENDED, values={"status": str(bill.status)})
