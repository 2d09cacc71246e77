"""The payers of one batch: as loaded, then as changed by what the batch recorded, so each item sees those before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from chassis.ids import new_id
from chassis.transaction import Meta, Scope, Tx
from contracts.event import Event
from contracts.events.contributions import ContributionBilled, ContributionPaid, PayerAdded
from contracts.values import BillId, ParticipantId, PaymentId
from services.payments.domain.bill import Bill
from services.payments.domain.billing import CancelReason, end
from services.payments.domain.credit import settled_by_credit
from services.payments.domain.next_bill import NextBill
from services.payments.domain.parameters import BILLING_RULES
from services.payments.domain.payer import added, evolve
from services.payments.domain.paying import Money, Posted, post, posted
from services.payments.queries import deciding
from services.payments.store import Kept

STREAM = "contributions"


class PayerBook:
    """Records events of payers whose heads were read, and folds them at once."""

    def __init__(self, tx: Tx, kept: dict[ParticipantId, Kept]) -> None:
        self._tx, self._kept = tx, kept
        self._by_code = {k.payer.contribution_code: participant_id for participant_id, k in kept.items()}
        self._by_nik: defaultdict[str | None, list[ParticipantId]] = defaultdict(list)
        for participant_id, k in kept.items():
            self._by_nik[k.nik_hash].append(participant_id)
        self._by_number = {
            bill.number: (participant_id, bill.bill_id)
            for participant_id, k in kept.items()
            for bill in k.payer.bills.values()
            if bill.number is not None
        }

    @classmethod
    async def load(cls, tx: Tx, participants: Collection[ParticipantId], also: Collection[BillId] = ()) -> PayerBook:
        """For deciding on these payers: their heads, then their state, with the bills that can still matter and those of `also`."""
        await tx.heads(STREAM, participants)
        return cls(tx, await deciding.payers_with_live_bills(tx.conn, participants, tx.now, also))

    @property
    def participants(self) -> list[ParticipantId]:
        return [*self._kept]

    def get(self, participant_id: ParticipantId | None) -> Kept | None:
        return None if participant_id is None else self._kept.get(participant_id)

    @property
    def numbered(self) -> list[BillId]:
        """Bills that were loaded with a number of their own."""
        return [bill_id for _, bill_id in self._by_number.values()]

    def find_bill(self, number: str) -> tuple[Kept, Bill] | None:
        """The bill that has this number for itself, with its payer."""
        if (found := self._by_number.get(number)) is None:
            return None
        participant_id, bill_id = found
        return self._kept[participant_id], self._kept[participant_id].payer.bills[bill_id]

    def find(self, code: str, nik_hash: str | None) -> Kept | None:
        """By contribution code, else by keyed hash; of several registrations of one NIK the latest."""
        if (found := self._by_code.get(code)) is not None:
            return self._kept[found]
        same_nik = [self._kept[p] for p in self._by_nik.get(nik_hash, ())] if nik_hash else []
        return max(same_nik, key=lambda kept: kept.payer.registration_expires_at, default=None)

    def add(self, event: PayerAdded, *, meta: Meta, scope: Scope) -> Kept:
        """Records a new payer; gives it without its personal data."""
        self._tx.record(event, key=event.participant_id, meta=meta, scope=scope, rules=BILLING_RULES)
        payer = added(event, by_agent=scope.agent_id is not None)
        self._kept[event.participant_id] = Kept(payer, None, None, scope)
        return self._kept[event.participant_id]

    def issue(self, kept: Kept, bill: ContributionBilled, *, meta: Meta, rules: str) -> Kept:
        """Records a bill that is to be paid, and its payment where the payer's credit covers it whole."""
        kept = self.record(kept, [bill], meta=meta, rules=rules)
        if bill.amount:
            return kept
        issued = kept.payer.bills[bill.bill_id]
        paid = settled_by_credit(kept.payer, issued, payment_id=PaymentId(new_id()), now=self._tx.now)
        return self.record(kept, [paid], meta=meta)

    def pay(self, kept: Kept, bill: Bill | NextBill, money: Money, *, meta: Meta) -> Posted:
        """Records the payment of a bill, and before it the bill where that is issued with its payment, as an inquiry would have."""
        if isinstance(bill, NextBill):
            kept = self.record(kept, end(kept.payer, self._tx.now, CancelReason.SUPERSEDED), meta=meta)
            kept = self.record(kept, [bill.billed], meta=meta, rules=bill.rules)
            bill = kept.payer.bills[bill.billed.bill_id]
        events = post(kept.payer, bill, money, payment_id=PaymentId(new_id()), now=self._tx.now)
        self.record(kept, events, meta=meta)
        return posted(next(event for event in events if isinstance(event, ContributionPaid)))

    def record(self, kept: Kept, events: Iterable[Event], *, meta: Meta, rules: str = BILLING_RULES) -> Kept:
        """Records events of a known payer; gives the payer after them."""
        payer = kept.payer
        for event in events:
            self._tx.record(event, key=payer.participant_id, meta=meta, scope=kept.scope, rules=rules)
            after = evolve(payer, event, self._tx.now)
            assert after is not None
            payer = after
        kept = kept._replace(payer=payer)
        self._kept[payer.participant_id] = kept
        return kept
