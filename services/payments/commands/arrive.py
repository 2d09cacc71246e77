"""Money that came by any door but SNAP's own: a settlement file, a QRIS notice, an open deposit. It is never refused: it stands somewhere.

One receipt per partner and reference: `payments` has a row for each, whether it settled a bill or not, so a second booking meets the first in the
batch, at stream `receipts`, or at that unique index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chassis.ids import new_id
from chassis.transaction import Meta, Scope, Tx
from contracts.values import BillId, PaymentId
from services.payments.commands.follow import RECEIPTS
from services.payments.commands.targets import OneBill, Target, Targets, own_number, targets_to_pay
from services.payments.domain.arriving import Known, Reason, is_voided, never_settled, place, seen, suspend
from services.payments.domain.balance import deposit, deposited
from services.payments.domain.bill import Bill
from services.payments.domain.collective import CollectiveStatus, cannot_pay_whole, pay_whole
from services.payments.domain.collective import posted as posted_whole
from services.payments.domain.keys import receipt_key
from services.payments.domain.next_bill import NextBill
from services.payments.domain.parameters import BILLING_RULES, PaymentChannel, day_of
from services.payments.domain.paying import CannotPay, Limits, Money, Posted
from services.payments.groups import KeptBalance, KeptCollective
from services.payments.parameters import Parameters
from services.payments.queries.receipts import Booked, Reference, booked_under
from services.payments.store import Kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Money that a partner says it took. `amount`: whole rupiah, > 0; `code`: the number it was paid to, as the channel gives it.

    `nik_hash` stands for a code that may be a NIK; `hint_bill_id`: the one bill that was asked for; `effective_at`: the channel's time.
    """

    partner: str
    channel: str
    channel_reference: str
    amount: int
    effective_at: datetime
    code: str
    meta: Meta
    came_by: PaymentChannel
    nik_hash: str | None = None
    hint_bill_id: BillId | None = None


class ArrivedAs(StrEnum):
    """POSTED and SUSPENDED were booked now; KNOWN was before; DIFFERS was before, with another amount: nothing is booked."""

    POSTED = "POSTED"
    SUSPENDED = "SUSPENDED"
    KNOWN = "KNOWN"
    DIFFERS = "DIFFERS"


@dataclass(frozen=True, slots=True)
class Arrived:
    """`payment_ids`: where the money stands; `reason`: why it waits in suspense, None when it paid something.

    `amount_here`: what stands in the books where that differs, whole rupiah; 0 of a receipt that was voided.
    """

    outcome: ArrivedAs
    payment_ids: tuple[PaymentId, ...]
    reason: str | None = None
    amount_here: int | None = None


@dataclass(frozen=True, slots=True)
class BookArrivals:
    """Books each arrival once. One outcome per item, in their order; any number in as many statements as one.

    How far back money may lie is what holds on the day of the booking (`max_backdate_days`). Reads heads, so it comes before the
    caller records anything of payers, collective bills, agents' balances and receipts.
    """

    parameters: Parameters
    __name__ = "book_arrivals"

    async def __call__(self, tx: Tx, items: Sequence[Arrival], /) -> list[Arrived]:
        if not items:
            return []
        limits = Limits().under(await self.parameters.sets(tx.conn), day_of(tx.now))
        codes, hashes = {item.code for item in items}, {item.nik_hash for item in items if item.nik_hash is not None}
        await tx.heads(RECEIPTS, {receipt_key(item.partner, item.channel_reference) for item in items})
        hints = {item.hint_bill_id for item in items if item.hint_bill_id is not None}
        targets = await targets_to_pay(tx, codes, hashes, hints)
        booked = await self._booked(tx, {(item.partner, item.channel_reference) for item in items})
        desk = _Desk(tx, targets, booked, limits)
        return [desk.take(item) for item in items]

    @staticmethod
    async def _booked(tx: Tx, references: Collection[Reference]) -> dict[Reference, Booked]:
        """Receipts under these references; those that go by another name too are decided at the name they stand under."""
        booked = await booked_under(tx.conn, references)
        others = {one.posted.channel_reference for one in booked.values()} - {reference for _, reference in references}
        if not others:
            return booked
        partners = {one.posted.partner for one in booked.values()}
        await tx.heads(RECEIPTS, {receipt_key(partner, other) for partner in partners for other in others})
        return await booked_under(tx.conn, references)


class _Desk:
    """What one batch knows: targets and receipts, those of its earlier items too."""

    def __init__(self, tx: Tx, targets: Targets, booked: dict[Reference, Booked], limits: Limits) -> None:
        self._tx, self._targets, self._booked, self._limits = tx, targets, booked, limits

    def take(self, item: Arrival) -> Arrived:
        target = self._targets.find(item.code, item.nik_hash)
        money = _money(self._tx, item, own_number(target))
        before = self._booked.get((item.partner, item.channel_reference))
        if before is not None and (known := seen(before.posted, waits=before.waits_for is not None, money=money)):
            differs = _stands(before) if known is Known.DIFFERS else None
            return Arrived(ArrivedAs(known), (before.posted.payment_id,), before.waits_for, differs)
        if before is not None:
            money = replace(money, channel_reference=before.posted.channel_reference)
            return self._suspend(item, money, target, Reason.PAYMENT_VOIDED, before.posted)
        outcome = self._post(item, money, target)
        if isinstance(outcome, Posted):
            self._remember(item, outcome, None)
            return Arrived(ArrivedAs.POSTED, (outcome.payment_id,))
        return self._suspend(item, money, target, outcome, None)

    def _post(self, item: Arrival, money: Money, target: Target | None) -> Posted | CannotPay | Reason:
        """The payment of whatever the number stands for, or why it pays nothing."""
        match target:
            case None:
                return Reason.UNKNOWN_CODE
            case KeptCollective():
                return self._post_whole(item, money, target)
            case KeptBalance():
                taken = deposit(target.balance, money, payment_id=PaymentId(new_id()))
                self._targets.balances.record(target, taken, meta=item.meta)
                return deposited(taken)
            case OneBill():
                return self._post_bill(item, money, target.kept, target.bill.bill_id)
        return self._post_bill(item, money, target, item.hint_bill_id)

    def _post_bill(self, item: Arrival, money: Money, kept: Kept, only: BillId | None) -> Posted | CannotPay | Reason:
        bill = place(kept.payer, money, only, self._limits, bill_id=BillId(new_id()))
        if not isinstance(bill, Bill | NextBill):
            return bill
        return self._targets.payers.pay(kept, bill, money, meta=item.meta)

    def _post_whole(self, item: Arrival, money: Money, kept: KeptCollective) -> Posted | CannotPay | Reason:
        void = kept.bill.bill_id in self._targets.void
        refusal = cannot_pay_whole(kept.bill, money, None, self._limits, void=void)
        if refusal is CannotPay.EXPIRED and kept.bill.status is CollectiveStatus.CANCELLED:
            return Reason.BILL_CANCELLED
        if refusal is not None:
            return refusal
        paid = pay_whole(kept.bill, money, payment_id=PaymentId(new_id()), now=self._tx.now)
        self._targets.collectives.record(kept, paid, meta=item.meta)
        return posted_whole(paid)

    def _suspend(
        self, item: Arrival, money: Money, target: Target | None, reason: CannotPay | Reason, before: Posted | None
    ) -> Arrived:
        payment_id = PaymentId(new_id()) if before is None else before.payment_id
        bill_id = None if before is None else before.bill_id
        participant_id = target.payer.participant_id if isinstance(target, Kept | OneBill) else None
        event = suspend(money, reason, payment_id=payment_id, participant_id=participant_id, bill_id=bill_id)
        scope = Scope() if target is None else target.scope
        key = receipt_key(money.partner, money.channel_reference)
        self._tx.record(event, key=key, meta=item.meta, scope=scope, rules=BILLING_RULES)
        self._remember(item, before or never_settled(event, self._tx.now), reason)
        return Arrived(ArrivedAs.SUSPENDED, (payment_id,), reason)

    def _remember(self, item: Arrival, posted: Posted, reason: str | None) -> None:
        self._booked[item.partner, item.channel_reference] = Booked(posted, reason)


def _stands(booked: Booked) -> int:
    return 0 if is_voided(booked.posted, waits=booked.waits_for is not None) else booked.posted.amount


def _money(tx: Tx, item: Arrival, number: str | None) -> Money:
    """`effective_at` is never later than the posting."""
    return Money(
        partner=item.partner,
        channel=item.channel,
        channel_reference=item.channel_reference,
        amount=item.amount,
        effective_at=min(item.effective_at, tx.now),
        received_at=tx.now,
        number=number,
        came_by=item.came_by,
    )
