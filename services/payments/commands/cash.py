"""Cash that an agent reports to have in hand for a participant's bill, or to have given back.

It changes no bill: only the payment counts (domain.md section 1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.outcomes import Accepted
from chassis.problems import INVALID, NOT_FOUND, FieldError, Rejected
from chassis.transaction import Meta, Tx
from contracts.events.contributions import CashReceived, CashReturned
from contracts.values import AgentId, BillId, ParticipantId, Rupiah
from services.payments.commands.payer_book import PayerBook
from services.payments.domain.bill import Bill
from services.payments.domain.paying import Limits, is_payable
from services.payments.group_problems import BEFORE_IT_WAS_TAKEN, IN_THE_FUTURE, NO_CASH_IN_HAND
from services.payments.problems import NOTHING_OWED
from services.payments.queries.groups import Row, cash_noted, notes_in_hand
from services.payments.store import Kept


@dataclass(frozen=True, slots=True)
class ReportCash:
    """`received_at`: when the cash changed hands, None for now. Whether the agent may see the participant was asked before."""

    agent_id: AgentId
    participant_id: ParticipantId
    received_at: datetime | None
    meta: Meta


async def report_cash(tx: Tx, items: Sequence[ReportCash], /) -> list[Accepted | Rejected]:
    """One note per bill: the open bill's amount; a second report of the same bill changes nothing."""
    participants = {item.participant_id for item in items}
    book = await PayerBook.load(tx, participants)
    noted = await cash_noted(tx.conn, participants)
    return [_report(tx, book, noted, item) for item in items]


def _report(tx: Tx, book: PayerBook, noted: set[BillId], item: ReportCash) -> Accepted | Rejected:
    kept, received_at = book.get(item.participant_id), item.received_at or tx.now
    if kept is None:
        return Rejected(NOT_FOUND)
    if received_at > tx.now:
        return Rejected(INVALID, "received_at", errors=(FieldError("received_at", *IN_THE_FUTURE),))
    bill = kept.payer.open_bill
    if bill is None or not is_payable(kept.payer, bill, tx.now, None, Limits()):
        return Rejected(NOTHING_OWED)
    status = 200 if bill.bill_id in noted else 201
    if bill.bill_id not in noted:
        book.record(kept, [_received(kept, bill, item.agent_id, received_at)], meta=item.meta)
        noted.add(bill.bill_id)
    return Accepted({"bill_id": str(bill.bill_id), "amount": bill.amount}, status)


def _received(kept: Kept, bill: Bill, agent_id: AgentId, received_at: datetime) -> CashReceived:
    return CashReceived(
        participant_id=kept.payer.participant_id,
        bill_id=bill.bill_id,
        agent_id=agent_id,
        amount=Rupiah(bill.amount),
        received_at=received_at,
    )


@dataclass(frozen=True, slots=True)
class ReturnCash:
    """`returned_at`: when the person had it again, None for now."""

    agent_id: AgentId
    participant_id: ParticipantId
    bill_id: BillId
    returned_at: datetime | None
    meta: Meta


async def return_cash(tx: Tx, items: Sequence[ReturnCash], /) -> list[Accepted | Rejected]:
    """The note leaves the agent's hand; it changes no bill. Whoever else's note it is, it is as unknown as none."""
    participants = {item.participant_id for item in items}
    book = await PayerBook.load(tx, participants)
    in_hand = await notes_in_hand(tx.conn, participants)
    return [_return(tx, book, in_hand, item) for item in items]


def _return(tx: Tx, book: PayerBook, in_hand: dict[BillId, Row], item: ReturnCash) -> Accepted | Rejected:
    kept, note = book.get(item.participant_id), in_hand.get(item.bill_id)
    returned_at = item.returned_at or tx.now
    if (
        kept is None
        or note is None
        or note["agent_id"] != item.agent_id
        or note["participant_id"] != item.participant_id
    ):
        return Rejected(NO_CASH_IN_HAND)
    if returned_at > tx.now:
        return Rejected(INVALID, "returned_at", errors=(FieldError("returned_at", *IN_THE_FUTURE),))
    if returned_at < note["received_at"]:
        return Rejected(INVALID, "returned_at", errors=(FieldError("returned_at", *BEFORE_IT_WAS_TAKEN),))
    returned = CashReturned(
        participant_id=item.participant_id,
        bill_id=item.bill_id,
        agent_id=item.agent_id,
        amount=Rupiah(note["amount"]),
        returned_at=returned_at,
    )
    book.record(kept, [returned], meta=item.meta)
    del in_hand[item.bill_id]
    return Accepted({"bill_id": str(item.bill_id), "amount": note["amount"]}, 200)
