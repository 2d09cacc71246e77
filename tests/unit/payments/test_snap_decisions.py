"""Any sequence of inquiries, payments, repeats and advices, at any pace: a bill is paid once, money is counted once, nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.event import Event
from contracts.events.contributions import ContributionPaid
from contracts.values import BillId, ContributionMonth, PaymentId
from services.payments.domain.bill import Bill, BillStatus
from services.payments.domain.billing import CancelReason, cancel, end, expire, issue
from services.payments.domain.ledger import CONTRIBUTIONS, SUSPENSE, clearing, transfers
from services.payments.domain.next_bill import NextBill
from services.payments.domain.parameters import DEFAULTS
from services.payments.domain.payer import Payer, evolve
from services.payments.domain.paying import Limits, Posted, Quote, post, refuse_protection
from services.payments.domain.snap import codes
from services.payments.domain.snap.decisions import Repeated, bill_to_pay, bill_to_quote
from tests.unit.payments.strategies import bill_id, money, payer, payment_id, wib

LIMITS = Limits()
REFERENCES = st.sampled_from([f"REF-{n}" for n in range(4)])


@dataclass
class Asked:
    quote: Quote
    amount: int


class OnePayer(RuleBasedStateMachine):
    """The use cases' loop in memory: decide, record, evolve. What a bank believes is kept beside it."""

    @initialize(hours=st.integers(0, 24 * 210))
    def begin(self, hours: int) -> None:
        self.now = wib(2025, 10, 1, 0) + timedelta(hours=hours)
        self.payer: Payer = payer(registration_expires_at=self.now + timedelta(days=30))
        self.numbers = 0
        self.posted: dict[str, Posted] = {}
        self.asked: dict[str, Asked] = {}
        self.told_paid: dict[str, int] = {}
        self.log: list[Event] = []

    def record(self, *events: Event) -> None:
        for event in events:
            self.log.append(event)
            after = evolve(self.payer, event, self.now)
            assert after is not None
            self.payer = after

    def fresh(self) -> int:
        self.numbers += 1
        return self.numbers

    @rule(reference=REFERENCES)
    def inquire(self, reference: str) -> None:
        earlier = self.asked.get(reference)
        outcome = bill_to_quote(self.payer, self.now, earlier.quote if earlier else None, LIMITS)
        if outcome is None:
            issued = issue(self.payer, now=self.now, bill_id=BillId(bill_id(self.fresh())), sets=DEFAULTS)
            assert isinstance(issued, tuple)
            self.record(*end(self.payer, self.now, CancelReason.SUPERSEDED), issued[0])
            outcome = self.payer.bills[issued[0].bill_id]
        if isinstance(outcome, Bill):
            assert not outcome.contribution_months & self.payer.paid
            self.asked[reference] = Asked(Quote(outcome.bill_id, self.now), outcome.amount)

    @rule(reference=REFERENCES, off=st.sampled_from([0, 0, 0, 1]), earlier=st.integers(0, 9 * 24), advice=st.booleans())
    def pay(self, reference: str, off: int, earlier: int, advice: bool) -> None:
        asked, first = self.asked.get(reference), self.posted.get(reference)
        open_bill = self.payer.open_bill
        amount = (asked.amount if asked else open_bill.amount if open_bill else 36_800) + off
        at = self.now - timedelta(hours=earlier if earlier > 8 * 24 - 30 else earlier % 3)
        what = money(amount, at, received_at=self.now, reference=reference)
        before, paid_before = len(self.log), self.payer.paid
        quote = asked.quote if asked else None
        outcome: object = bill_to_pay(
            self.payer,
            what,
            first=first,
            quote=quote,
            agrees=True,
            advice=advice,
            limits=LIMITS,
            bill_id=BillId(bill_id(self.fresh())),
        )
        if isinstance(outcome, NextBill):
            assert quote is None
            self.record(*end(self.payer, self.now, CancelReason.SUPERSEDED), outcome.billed)
            outcome = self.payer.bills[outcome.billed.bill_id]
        match outcome:
            case Bill():
                assert first is None
                events = post(self.payer, outcome, what, payment_id=PaymentId(payment_id(self.fresh())), now=self.now)
                self.record(*events)
                paid = events[0]
                assert isinstance(paid, ContributionPaid)
                assert paid.amount == amount
                assert not outcome.contribution_months & paid_before
                self.posted[reference] = Posted(
                    payment_id=paid.payment_id, bill_id=paid.bill_id, participant_id=paid.participant_id,
                    partner=paid.partner, channel=paid.channel, channel_reference=reference, amount=paid.amount,
                    months=paid.months, effective_at=paid.effective_at, posted_at=self.now,
                )  # fmt: skip
                self.told_paid[reference] = amount
            case Repeated(first=found, case=case):
                assert (found, found.amount) == (first, amount)
                assert case is (codes.SUCCESS if advice else codes.ALREADY_POSTED)
            case codes.Case():
                assert len(self.log) == before  # a refusal books nothing
                assert outcome.number != codes.ALREADY_POSTED.number
                if first is not None:
                    assert outcome is codes.WRONG_AMOUNT

    @rule(months=st.sampled_from([1, 2, 3, 6, 12]))
    def ask_for_more_months(self, months: int) -> None:
        issued = issue(self.payer, now=self.now, bill_id=BillId(bill_id(self.fresh())), sets=DEFAULTS, months=months)
        if isinstance(issued, tuple):
            self.record(*end(self.payer, self.now, CancelReason.REPLACED), issued[0])

    @rule(hours=st.integers(1, 24 * 50))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def the_calendar_ends_bills(self) -> None:
        self.record(*expire(self.payer, self.now))

    @rule(reason=st.sampled_from([CancelReason.LAPSED, CancelReason.REGISTRATION_EXPIRED]))
    def registration_ends_bills(self, reason: CancelReason) -> None:
        self.record(*cancel(self.payer, reason))

    @rule(reference=REFERENCES, reason=st.sampled_from(["reactivated_meanwhile", "nik_taken"]))
    def protection_is_refused(self, reference: str, reason: str) -> None:
        first = self.posted.get(reference)
        events = refuse_protection(first, reason) if first else None
        if first and events:
            self.record(*events)
            self.posted[reference] = Posted(**{**{f: getattr(first, f) for f in Posted.__slots__}, "reversed_for": "x"})

    @invariant()
    def every_rupiah_that_the_bank_was_told_stands_in_one_place(self) -> None:
        sums: dict[str, int] = {}
        for event in self.log:
            for line in transfers(event):
                sums[line.debit] = sums.get(line.debit, 0) + line.amount
                sums[line.credit] = sums.get(line.credit, 0) - line.amount
        assert sum(sums.values()) == 0
        told = sum(self.told_paid.values())
        refused = sum(p.amount for p in self.posted.values() if p.reversed_for)
        assert sums.get(clearing("bank-a"), 0) == told
        assert -sums.get(SUSPENSE, 0) == refused
        assert -sum(sums.get(account, 0) for account in CONTRIBUTIONS) == told - refused

    @invariant()
    def no_month_is_paid_twice_and_one_bill_is_open_at_most(self) -> None:
        standing = [p for p in self.posted.values() if not p.reversed_for]
        months: list[ContributionMonth] = [charge.month for p in standing for charge in p.months]
        assert len(months) == len(set(months))
        assert set(months) == self.payer.paid
        assert sum(bill.status is BillStatus.OPEN for bill in self.payer.bills.values()) <= 1


OnePayer.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestOnePayer = OnePayer.TestCase
