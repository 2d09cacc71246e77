"""Payment (service 25): posted once per partner and paymentRequestId, in full, or not at all.

Two copies of one payment meet in the batch, at the event log (same payer) or at the unique (partner, reference) of `payments`; the loser
re-runs and finds the first. A refusal books nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.ids import new_id
from chassis.telemetry import log
from chassis.transaction import Tx
from contracts.events.contributions import ContributionPaid
from contracts.events.partners import Conditions
from contracts.values import PaymentId
from services.payments import metrics
from services.payments.commands.calls import Call, Calls, numbers
from services.payments.commands.daily import Daily
from services.payments.commands.payer_book import STREAM, PayerBook
from services.payments.domain.bill import Bill
from services.payments.domain.paying import Limits, Money, Posted, post, posted
from services.payments.domain.snap import codes, hours
from services.payments.domain.snap.decisions import Repeated, bill_to_pay
from services.payments.domain.snap.requests import Payment
from services.payments.queries import deciding
from services.payments.store import Kept

CHANNEL = "snap-va"


@dataclass(frozen=True, slots=True)
class Settled:
    """The payment in the books and the code that this call gets for it."""

    case: codes.Case
    kept: Kept
    posted: Posted


@dataclass(frozen=True, slots=True)
class Pay:
    """The use case; `limits` of backdating and quotes."""

    limits: Limits
    __name__ = "pay"

    async def __call__(self, tx: Tx, items: Sequence[Call[Payment]], /) -> list[Settled | codes.Case]:
        asked = [(item, item.request.account) for item in items if isinstance(item.request, Payment)]
        participants = await deciding.participants_by_number(tx.conn, *numbers(asked))
        await tx.heads(STREAM, participants)
        book = PayerBook(tx, await deciding.payers_with_live_bills(tx.conn, participants, tx.now))
        named = [[i.request.payment_request_id] if isinstance(i.request, Payment) else [] for i in items]
        calls = await Calls.load(tx, list(zip(items, named, strict=True)))
        daily = await Daily.load(tx.conn, participants, [_asked_for(tx, item) for item in items])
        outcomes = [self._one(tx, book, calls, daily, item) for item in items]
        calls.claim()
        return outcomes

    def _one(self, tx: Tx, book: PayerBook, calls: Calls, daily: Daily, item: Call[Payment]) -> Settled | codes.Case:
        if calls.conflict(item):
            return codes.CONFLICT
        request = item.request
        if isinstance(request, codes.Case):
            return request
        kept = book.find(request.account.customer_no, item.nik_hash)
        reference = (item.partner, request.payment_request_id)
        first, asked = calls.seen.payments.get(reference), calls.seen.inquiries.get(reference)
        quote = asked.quote if asked and kept and asked.participant_id == kept.payer.participant_id else None
        money = self._money(tx, item, request)
        outcome = bill_to_pay(
            None if kept is None else kept.payer,
            money,
            first=first,
            quote=quote,
            agrees=request.agrees,
            advice=request.advice,
            limits=self.limits,
        )
        if isinstance(outcome, Bill) and kept is not None:
            if barred := _barred(daily, item, kept, money):
                return barred
            settled = _post(tx, book, kept, outcome, money, item)
            calls.seen.payments[reference] = settled.posted
            return settled
        if isinstance(outcome, Repeated) and kept is not None:
            return Settled(outcome.case, kept, outcome.first)
        assert isinstance(outcome, codes.Case)
        if first is not None:
            _alarm(tx, item.partner, first)
        return outcome

    def _money(self, tx: Tx, item: Call[Payment], request: Payment) -> Money:
        """`effective_at` is the channel's time, ours where it gives none, and never later than the posting."""
        return Money(
            partner=item.partner,
            channel=CHANNEL,
            channel_reference=request.payment_request_id,
            amount=request.amount,
            effective_at=_effective_at(tx, item, request),
            received_at=tx.now,
        )


def _effective_at(tx: Tx, item: Call[Payment], request: Payment) -> datetime:
    return min(request.paid_at or item.received_at, tx.now)


def _asked_for(tx: Tx, item: Call[Payment]) -> tuple[str, datetime, Conditions]:
    at = item.received_at if isinstance(item.request, codes.Case) else _effective_at(tx, item, item.request)
    return item.partner, at, item.conditions_at(at)


def _barred(daily: Daily, item: Call[Payment], kept: Kept, money: Money) -> codes.Case | None:
    """Why new money is not taken although the bill is payable: outside the hours, or too often. It is counted when it is taken."""
    conditions, payer = item.conditions_at(money.effective_at), kept.payer.participant_id
    barred = hours.closed_at(conditions, money.effective_at) or daily.bars(conditions, payer, money)
    if barred is None:
        daily.count(payer, money)
    return barred


def _post(tx: Tx, book: PayerBook, kept: Kept, bill: Bill, money: Money, item: Call[Payment]) -> Settled:
    events = post(kept.payer, bill, money, payment_id=PaymentId(new_id()), now=tx.now)
    kept = book.record(kept, events, meta=item.meta)
    paid = next(event for event in events if isinstance(event, ContributionPaid))
    return Settled(codes.SUCCESS, kept, posted(paid))


def _alarm(tx: Tx, partner: str, first: Posted) -> None:
    """The partner used a paid id for something else: its books and ours may differ."""

    def tell() -> None:
        metrics.PAYMENT_IDS_REUSED.labels(partner).inc()
        log.error(
            "payment_id_reused",
            partner=partner,
            payment_id=str(first.payment_id),
            runbook="docs/operations.md#payment-id-reused",
        )

    tx.after_commit(tell)
