"""Inquiry (service 24): names the bill, and issues the next one where the number has none open.

Most inquiries only read: they are decided without heads. As soon as one has to issue a bill, the batch reads heads, then state again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.ids import new_id
from chassis.transaction import Tx
from contracts.values import BillId
from services.payments.commands.calls import Call, Calls, numbers
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.domain.bill import Bill
from services.payments.domain.billing import CancelReason, end, issue
from services.payments.domain.paying import Limits, Quote
from services.payments.domain.snap import codes, hours
from services.payments.domain.snap.decisions import BILLING_CASES, bill_to_quote
from services.payments.domain.snap.requests import Inquiry
from services.payments.queries import deciding
from services.payments.queries.deciding import Asked
from services.payments.store import Kept
from services.payments.tables import inquiries


@dataclass(frozen=True, slots=True)
class Quoted:
    """The bill that the payer may pay, and who the payer is."""

    kept: Kept
    bill: Bill


class _MustIssue(Exception):
    """A bill has to be issued, and heads were not read."""


@dataclass(frozen=True, slots=True)
class Inquire:
    """The use case; `limits` of quotes."""

    limits: Limits
    __name__ = "inquire"

    async def __call__(self, tx: Tx, items: Sequence[Call[Inquiry]], /) -> list[Quoted | codes.Case]:
        asked = [(item, item.request.account) for item in items if isinstance(item.request, Inquiry)]
        kept = await deciding.payers_by_number(tx.conn, *numbers(asked), tx.now)
        try:
            return await self._decide(tx, items, PayerBook(tx, kept), may_issue=False)
        except _MustIssue:
            await tx.heads(STREAM, kept)
            kept = await deciding.payers_with_live_bills(tx.conn, kept, tx.now)
            return await self._decide(tx, items, PayerBook(tx, kept), may_issue=True)

    async def _decide(
        self, tx: Tx, items: Sequence[Call[Inquiry]], book: PayerBook, *, may_issue: bool
    ) -> list[Quoted | codes.Case]:
        named = [[i.request.inquiry_request_id] if isinstance(i.request, Inquiry) else [] for i in items]
        calls = await Calls.load(tx, list(zip(items, named, strict=True)))
        outcomes = [self._one(tx, book, calls, item, may_issue) for item in items]
        calls.claim()
        _keep(tx, items, outcomes)
        return outcomes

    def _one(self, tx: Tx, book: PayerBook, calls: Calls, item: Call[Inquiry], may_issue: bool) -> Quoted | codes.Case:
        if calls.conflict(item):
            return codes.CONFLICT
        request = item.request
        if isinstance(request, codes.Case):
            return request
        if closed := hours.closed_at(item.conditions_at(item.received_at), item.received_at):
            return closed
        kept = book.find(request.account.customer_no, item.nik_hash)
        if kept is None:
            return codes.UNKNOWN_BILL
        asked = calls.seen.inquiries.get((item.partner, request.inquiry_request_id))
        earlier = asked.quote if asked and asked.participant_id == kept.payer.participant_id else None
        outcome = bill_to_quote(kept.payer, tx.now, earlier, self.limits)
        if outcome is None:
            if not may_issue:
                raise _MustIssue
            outcome = _issue(tx, book, kept, item)
        if isinstance(outcome, codes.Case):
            return outcome
        calls.seen.inquiries[item.partner, request.inquiry_request_id] = Asked(
            participant_id=kept.payer.participant_id, amount=outcome.amount, quote=Quote(outcome.bill_id, tx.now)
        )
        return Quoted(kept, outcome)


def _issue(tx: Tx, book: PayerBook, kept: Kept, item: Call[Inquiry]) -> Bill | codes.Case:
    issued = issue(kept.payer, now=tx.now, bill_id=BillId(new_id()))
    if not isinstance(issued, tuple):
        return BILLING_CASES[issued]
    bill, rules = issued
    kept = book.record(kept, end(kept.payer, tx.now, CancelReason.SUPERSEDED), meta=item.meta)
    kept = book.record(kept, [bill], meta=item.meta, rules=rules.version)
    return kept.payer.bills[bill.bill_id]


def _keep(tx: Tx, items: Sequence[Call[Inquiry]], outcomes: Sequence[Quoted | codes.Case]) -> None:
    """Stores the quotes with the transaction: for the payments that follow, and for status."""
    quoted = [
        {
            "partner": item.partner,
            "inquiry_request_id": item.request.inquiry_request_id,
            "participant_id": outcome.kept.payer.participant_id,
            "bill_id": outcome.bill.bill_id,
            "amount": outcome.bill.amount,
            "quoted_at": tx.now,
            "asked_at": tx.wall,
        }
        for item, outcome in zip(items, outcomes, strict=True)
        if isinstance(outcome, Quoted) and isinstance(item.request, Inquiry)
    ]

    async def store(conn: AsyncConnection) -> None:
        await rows.upsert(conn, inquiries, quoted)

    if quoted:
        tx.defer(store)
