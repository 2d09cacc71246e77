"""Inquiry (service 24): names the bill, and issues the next one where the number has none open.

Most inquiries only read: they are decided without heads. As soon as one has to issue a bill, the batch reads heads, then state again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.ids import new_id
from chassis.transaction import Tx
from contracts.events.partners import Conditions
from contracts.values import BillId
from services.payments.commands.calls import Call, Calls, numbers
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.commands.targets import OneBill, Target, Targets, target_id, targets_to_show, title_of
from services.payments.domain.bill import Bill, BillStatus
from services.payments.domain.billing import CancelReason, end, issue
from services.payments.domain.first_payments import is_barred
from services.payments.domain.parameters import Sets, day_of
from services.payments.domain.paying import Limits, Quote
from services.payments.domain.snap import codes, hours
from services.payments.domain.snap.decisions import BILLING_CASES, bill_to_quote, own_bill_to_quote
from services.payments.domain.snap.group_decisions import whole_to_quote
from services.payments.domain.snap.offers import Offer, VaKind
from services.payments.domain.snap.requests import Inquiry
from services.payments.groups import KeptBalance, KeptCollective
from services.payments.parameters import Parameters
from services.payments.queries import deciding
from services.payments.queries.deciding import Asked
from services.payments.store import Kept
from services.payments.tables import inquiries


@dataclass(frozen=True, slots=True)
class Quoted:
    """What may be paid, and what the number stands for; no bill where any amount may be."""

    kept: Target
    offer: Offer
    bill_id: BillId | None


class _MustIssue(Exception):
    """A bill has to be issued, and heads were not read."""


@dataclass(frozen=True, slots=True)
class Inquire:
    """The use case; `limits` of quotes."""

    limits: Limits
    parameters: Parameters
    __name__ = "inquire"

    async def __call__(self, tx: Tx, items: Sequence[Call[Inquiry]], /) -> list[Quoted | codes.Case]:
        sets = await self.parameters.sets(tx.conn)
        limits = self.limits.under(sets, day_of(tx.now))
        asked = [(item, item.request.account) for item in items if isinstance(item.request, Inquiry)]
        found = await targets_to_show(tx, *numbers(asked))
        try:
            return await self._decide(tx, items, found, limits, may_issue=False)
        except _MustIssue:
            await tx.heads(STREAM, found.payers.participants)
            kept = await deciding.payers_with_live_bills(
                tx.conn, found.payers.participants, tx.now, found.payers.numbered
            )
            return await self._decide(tx, items, replace(found, payers=PayerBook(tx, kept)), limits, may_issue=True)

    async def _decide(
        self, tx: Tx, items: Sequence[Call[Inquiry]], targets: Targets, limits: Limits, *, may_issue: bool
    ) -> list[Quoted | codes.Case]:
        named = [[i.request.inquiry_request_id] if isinstance(i.request, Inquiry) else [] for i in items]
        calls = await Calls.load(tx, list(zip(items, named, strict=True)))
        outcomes = [_one(tx, targets, calls, item, limits, may_issue=may_issue) for item in items]
        calls.claim()
        _keep(tx, items, outcomes)
        return outcomes


def _one(
    tx: Tx, targets: Targets, calls: Calls, item: Call[Inquiry], limits: Limits, *, may_issue: bool
) -> Quoted | codes.Case:
    if calls.conflict(item):
        return codes.CONFLICT
    request = item.request
    if isinstance(request, codes.Case):
        return request
    conditions = item.conditions_at(item.received_at)
    if closed := hours.closed_at(conditions, item.received_at):
        return closed
    target = targets.find(request.account.customer_no, item.nik_hash)
    if target is None:
        return codes.UNKNOWN_BILL
    asked = calls.seen.inquiries.get((item.partner, request.inquiry_request_id))
    earlier = asked.quote if asked and asked.target_id == target_id(target) else None
    quoted = (
        _bill(tx, targets.payers, target, earlier, item, limits, may_issue=may_issue)
        if isinstance(target, Kept)
        else _other(targets, target, tx, earlier, limits)
    )
    if not isinstance(quoted, codes.Case):
        quoted = _not_here(target, quoted, conditions, tx.now, limits.sets) or quoted
    if isinstance(quoted, codes.Case):
        return quoted
    quote = None if quoted.bill_id is None else Quote(quoted.bill_id, tx.now)
    calls.seen.inquiries[item.partner, request.inquiry_request_id] = Asked(
        target_id=target_id(target), amount=quoted.offer.amount, quote=quote
    )
    return quoted


def _bill(
    tx: Tx,
    book: PayerBook,
    kept: Kept,
    earlier: Quote | None,
    item: Call[Inquiry],
    limits: Limits,
    *,
    may_issue: bool,
) -> Quoted | codes.Case:
    outcome = bill_to_quote(kept.payer, tx.now, earlier, limits)
    if outcome is None:
        if not may_issue:
            raise _MustIssue
        outcome = _issue(tx, book, kept, item, limits.sets)
    if isinstance(outcome, codes.Case):
        return outcome
    return Quoted(kept, Offer(VaKind.RECURRING, outcome.amount, outcome.months), outcome.bill_id)


def _not_here(target: Target, quoted: Quoted, conditions: Conditions, now: datetime, sets: Sets) -> codes.Case | None:
    """Why nobody is asked to pay this through this partner: a first payment that is not taken there, a sum that shops do not take."""
    if isinstance(target, Kept | OneBill):
        kind, by_agent = target.payer.kind_at(now), target.payer.by_agent
        if is_barred(kind, hours.channel_of(conditions), now, sets, by_agent=by_agent):
            return codes.NOT_FOR_FIRST
    if quoted.offer.kind is VaKind.OPEN:
        return None
    return hours.not_at_shops(conditions, quoted.offer.amount, now, sets)


def _other(
    targets: Targets, target: OneBill | KeptCollective | KeptBalance, tx: Tx, earlier: Quote | None, limits: Limits
) -> Quoted | codes.Case:
    if isinstance(target, OneBill):
        return _own_bill(target, tx, earlier, limits)
    title, heads = title_of(target)
    if isinstance(target, KeptBalance):
        return Quoted(target, Offer(VaKind.OPEN, 0, title=title), None)
    refusal = whole_to_quote(target.bill, tx.now, earlier, limits, void=target.bill.bill_id in targets.void)
    offer = Offer(VaKind.CLOSED, target.bill.amount, title=title, heads=heads)
    return refusal or Quoted(target, offer, target.bill.bill_id)


def _own_bill(target: OneBill, tx: Tx, earlier: Quote | None, limits: Limits) -> Quoted | codes.Case:
    bill = target.bill
    refusal = own_bill_to_quote(target.payer, bill, tx.now, earlier, limits)
    return refusal or Quoted(target, Offer(VaKind.CLOSED, bill.amount, bill.months), bill.bill_id)


def _issue(tx: Tx, book: PayerBook, kept: Kept, item: Call[Inquiry], sets: Sets) -> Bill | codes.Case:
    issued = issue(kept.payer, now=tx.now, bill_id=BillId(new_id()), sets=sets)
    if not isinstance(issued, tuple):
        return BILLING_CASES[issued]
    bill, rules = issued
    kept = book.record(kept, end(kept.payer, tx.now, CancelReason.SUPERSEDED), meta=item.meta)
    kept = book.issue(kept, bill, meta=item.meta, rules=rules.version)
    issued_bill = kept.payer.bills[bill.bill_id]
    return issued_bill if issued_bill.status is BillStatus.OPEN else codes.PAID  # paid by credit as it was issued


def _keep(tx: Tx, items: Sequence[Call[Inquiry]], outcomes: Sequence[Quoted | codes.Case]) -> None:
    """Stores the quotes with the transaction: for the payments that follow, and for status."""
    quoted = [
        {
            "partner": item.partner,
            "inquiry_request_id": item.request.inquiry_request_id,
            "target_id": target_id(outcome.kept),
            "bill_id": outcome.bill_id,
            "amount": outcome.offer.amount,
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
