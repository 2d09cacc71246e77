"""Payment (service 25): posted once per partner and paymentRequestId, in full, or not at all.

Two copies of one payment meet in the batch, at the event log (same payer) or at the unique (partner, reference) of `payments`; the loser
re-runs and finds the first. A refusal books nothing.

A payment that a file booked under the partner's own number, as its line gave no paymentRequestId, is found by number, amount and time
(snap.md section 11.2) and gets that id as a further name, so every later door finds it by its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chassis.ids import new_id
from chassis.telemetry import log
from chassis.transaction import Tx
from contracts.events.contributions import ReceiptNamed
from contracts.events.partners import Conditions
from contracts.values import BillId, PaymentId
from services.payments import metrics
from services.payments.commands.calls import Call, Calls, numbers
from services.payments.commands.daily import Daily
from services.payments.commands.follow import RECEIPTS
from services.payments.commands.settlement.reconcile import CHANNEL as FILES
from services.payments.commands.targets import (
    OneBill,
    Target,
    Targets,
    holder_id,
    own_number,
    target_id,
    targets_to_pay,
)
from services.payments.domain.balance import deposit, deposited
from services.payments.domain.bill import Bill
from services.payments.domain.collective import pay_whole
from services.payments.domain.collective import posted as posted_whole
from services.payments.domain.keys import receipt_key
from services.payments.domain.next_bill import NextBill
from services.payments.domain.parameters import day_of
from services.payments.domain.paying import Limits, Money, Posted
from services.payments.domain.settlement.outcomes import RECONCILIATION_RULES
from services.payments.domain.snap import codes, hours
from services.payments.domain.snap.decisions import Repeated, bill_to_pay
from services.payments.domain.snap.group_decisions import Heard, deposit_to_take, whole_to_pay
from services.payments.domain.snap.requests import Payment
from services.payments.groups import KeptBalance, KeptCollective
from services.payments.parameters import Parameters
from services.payments.queries.receipts import Reference, Said, unnamed
from services.payments.store import Kept

CHANNEL = "snap-va"

TOLD_AS_MADE = timedelta(minutes=1)
"""A payment that is younger stands in no file yet: a partner writes them at the end of its day."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The payment in the books, what it was paid to, and the code that this call gets for it."""

    case: codes.Case
    kept: Target
    posted: Posted


@dataclass(frozen=True, slots=True)
class Pay:
    """The use case; `limits` of backdating and quotes."""

    limits: Limits
    parameters: Parameters
    __name__ = "pay"

    async def __call__(self, tx: Tx, items: Sequence[Call[Payment]], /) -> list[Settled | codes.Case]:
        limits = self.limits.under(await self.parameters.sets(tx.conn), day_of(tx.now))
        asked = [(item, item.request.account) for item in items if isinstance(item.request, Payment)]
        targets = await targets_to_pay(tx, *numbers(asked))
        named = [[i.request.payment_request_id] if isinstance(i.request, Payment) else [] for i in items]
        calls = await Calls.load(tx, list(zip(items, named, strict=True)))
        daily = await Daily.load(tx.conn, targets.payers.participants, [_asked_for(tx, item) for item in items])
        calls.seen.payments.update(await self._from_files(tx, targets, calls, items, limits))
        outcomes = [self._one(tx, targets, calls, daily, item, limits) for item in items]
        calls.claim()
        return outcomes

    def _one(
        self, tx: Tx, targets: Targets, calls: Calls, daily: Daily, item: Call[Payment], limits: Limits
    ) -> Settled | codes.Case:
        if calls.conflict(item):
            return codes.CONFLICT
        request = item.request
        if isinstance(request, codes.Case):
            return request
        target, money, known = self._heard(tx, targets, calls, item, request, limits)
        outcome = self._decide(tx, targets, daily, target, money, known, item)
        if isinstance(outcome, Posted) and target is not None:
            calls.seen.payments[item.partner, request.payment_request_id] = outcome
            return Settled(codes.SUCCESS, target, outcome)
        if isinstance(outcome, Repeated) and target is not None:
            first = _named(tx, outcome.first, target, item, request)
            calls.seen.payments[item.partner, request.payment_request_id] = first
            return Settled(outcome.case, target, first)
        assert isinstance(outcome, codes.Case)
        if known.first is not None:
            _alarm(tx, item.partner, known.first)
        return outcome

    def _heard(
        self, tx: Tx, targets: Targets, calls: Calls, item: Call[Payment], request: Payment, limits: Limits
    ) -> tuple[Target | None, Money, Heard]:
        target = targets.find(request.account.customer_no, item.nik_hash)
        reference = (item.partner, request.payment_request_id)
        first, asked = calls.seen.payments.get(reference), calls.seen.inquiries.get(reference)
        quote = asked.quote if asked and target and asked.target_id == target_id(target) else None
        known = Heard(first, quote, request.agrees, request.advice, limits)
        return target, self._money(tx, item, request, own_number(target)), known

    async def _from_files(
        self, tx: Tx, targets: Targets, calls: Calls, items: Sequence[Call[Payment]], limits: Limits
    ) -> dict[Reference, Posted]:
        """What a file booked of these payments under the partner's own number, by the id that the call gives it now.

        Looked for only where new money would be refused, is an open deposit, or was taken some time ago: a payment that is told of as it
        is made stands in no file yet, and costs no statement here.
        """
        said: dict[Reference, Said] = {}
        for item in items:
            request = item.request
            if isinstance(request, codes.Case) or request.paid_at is None:
                continue
            target, money, known = self._heard(tx, targets, calls, item, request, limits)
            if target is None or known.first is not None:
                continue
            late = money.effective_at < tx.now - TOLD_AS_MADE
            if (
                late
                or isinstance(target, KeptBalance)
                or isinstance(_judged(targets, target, money, known), codes.Case)
            ):
                at = request.paid_at.replace(microsecond=0)
                reference = (item.partner, request.payment_request_id)
                said[reference] = (item.partner, holder_id(target), own_number(target) or "", request.amount, at)
        if not said:
            return {}
        await tx.heads(RECEIPTS, {receipt_key(*reference) for reference in said})
        found = await unnamed(tx.conn, {*said.values()}, FILES)
        first_to_say = {key: reference for reference, key in reversed(said.items())}
        return {first_to_say[key]: posted for key, posted in found.items()}

    def _decide(
        self,
        tx: Tx,
        targets: Targets,
        daily: Daily,
        target: Target | None,
        money: Money,
        known: Heard,
        item: Call[Payment],
    ) -> Posted | Repeated | codes.Case:
        judged = _judged(targets, target, money, known)
        if isinstance(judged, Repeated | codes.Case):
            return judged
        match target:
            case KeptCollective():
                refused = _closed(item, money) or _not_at_shops(item, money, known)
                return refused or _post_whole(tx, targets, target, money, item)
            case KeptBalance():
                refused = _closed(item, money)
                refused = refused or hours.too_much(item.conditions_at(money.effective_at), money.amount)
                refused = refused or _not_at_shops(item, money, known)
                return refused or _deposit(tx, targets, target, money, item)
        assert target is not None
        assert judged is not None
        kept = target.kept if isinstance(target, OneBill) else target
        barred = _not_at_shops(item, money, known) or _barred(daily, item, kept, money)
        return barred or targets.payers.pay(kept, judged, money, meta=item.meta)

    def _money(self, tx: Tx, item: Call[Payment], request: Payment, number: str | None) -> Money:
        """`effective_at` is the channel's time, ours where it gives none, and never later than the posting."""
        effective_at = _effective_at(tx, item, request)
        return Money(
            partner=item.partner,
            channel=CHANNEL,
            channel_reference=request.payment_request_id,
            amount=request.amount,
            effective_at=effective_at,
            received_at=tx.now,
            number=number,
            came_by=hours.channel_of(item.conditions_at(effective_at)),
        )


def _judged(
    targets: Targets, target: Target | None, money: Money, known: Heard
) -> Bill | NextBill | Repeated | codes.Case | None:
    """The bill that the money pays, None where it pays what is no bill of a payer, or why it pays nothing. Records nothing."""
    match target:
        case KeptCollective():
            return whole_to_pay(target.bill, money, known, void=target.bill.bill_id in targets.void)
        case KeptBalance():
            return deposit_to_take(target.balance.agent_id, money, known)
    return bill_to_pay(
        None if target is None else target.payer,
        money,
        only=target.bill.bill_id if isinstance(target, OneBill) else None,
        first=known.first,
        quote=known.quote,
        agrees=known.agrees,
        advice=known.advice,
        limits=known.limits,
        bill_id=BillId(new_id()),
    )


def _named(tx: Tx, first: Posted, target: Target, item: Call[Payment], request: Payment) -> Posted:
    """The receipt under the id that the call gives it; written down where that is another than it was booked under."""
    if first.channel_reference == request.payment_request_id:
        return first
    named = ReceiptNamed(
        payment_id=first.payment_id,
        partner=item.partner,
        reference=request.payment_request_id,
        channel_reference=first.channel_reference,
    )
    key = receipt_key(item.partner, request.payment_request_id)
    tx.record(named, key=key, meta=item.meta, scope=target.scope, rules=RECONCILIATION_RULES)
    return replace(first, channel_reference=request.payment_request_id)


def _effective_at(tx: Tx, item: Call[Payment], request: Payment) -> datetime:
    return min(request.paid_at or item.received_at, tx.now)


def _asked_for(tx: Tx, item: Call[Payment]) -> tuple[str, datetime, Conditions]:
    at = item.received_at if isinstance(item.request, codes.Case) else _effective_at(tx, item, item.request)
    return item.partner, at, item.conditions_at(at)


def _closed(item: Call[Payment], money: Money) -> codes.Case | None:
    """Why no new money is taken at this hour."""
    return hours.closed_at(item.conditions_at(money.effective_at), money.effective_at)


def _not_at_shops(item: Call[Payment], money: Money, known: Heard) -> codes.Case | None:
    """Why a chain of shops does not take this sum; None for any other partner."""
    at = money.effective_at
    return hours.not_at_shops(item.conditions_at(at), money.amount, at, known.limits.sets)


def _barred(daily: Daily, item: Call[Payment], kept: Kept, money: Money) -> codes.Case | None:
    """Why new money is not taken although the bill is payable: outside the hours, or too often. It is counted when it is taken."""
    conditions, payer = item.conditions_at(money.effective_at), kept.payer.participant_id
    barred = _closed(item, money) or daily.bars(conditions, payer, money)
    if barred is None:
        daily.count(payer, money)
    return barred


def _post_whole(tx: Tx, targets: Targets, kept: KeptCollective, money: Money, item: Call[Payment]) -> Posted:
    """The bank is answered when this is durable; the shares are posted from it by a timer."""
    paid = pay_whole(kept.bill, money, payment_id=PaymentId(new_id()), now=tx.now)
    targets.collectives.record(kept, paid, meta=item.meta)
    return posted_whole(paid)


def _deposit(tx: Tx, targets: Targets, kept: KeptBalance, money: Money, item: Call[Payment]) -> Posted:
    taken = deposit(kept.balance, money, payment_id=PaymentId(new_id()))
    targets.balances.record(kept, taken, meta=item.meta)
    return deposited(taken)


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
