"""A bill's own number beside the contribution code: in any order of paying by either, by call or by file, one bill's money settles it once."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.event import Event
from contracts.events.contributions import BillNumbered, ContributionPaid
from contracts.values import BillId, PaymentId
from services.payments.domain.arriving import place
from services.payments.domain.bill import Bill, BillStatus
from services.payments.domain.billing import CancelReason, cancel, end, expire, issue
from services.payments.domain.next_bill import NextBill
from services.payments.domain.numbers import Block, number_of
from services.payments.domain.parameters import DEFAULTS
from services.payments.domain.payer import Payer, evolve
from services.payments.domain.paying import Limits, Money, Posted, post, posted, refuse_protection
from services.payments.domain.snap import codes
from services.payments.domain.snap.decisions import Repeated, bill_to_pay, own_bill_to_quote
from tests.unit.payments.strategies import bill_id, money, payer, payment_id, wib

LIMITS = Limits()
REFERENCES = st.sampled_from([f"REF-{n}" for n in range(20)])
ENDED = {BillStatus.OPEN: codes.EXPIRED, BillStatus.EXPIRED: codes.EXPIRED, BillStatus.REVERSED: codes.EXPIRED}


class TwoDoors(RuleBasedStateMachine):
    """The use cases' loop in memory. `which`: 0 is the contribution code, n the own number of the n-th numbered bill, the newest first."""

    @initialize()
    def begin(self) -> None:
        self.now = wib(2025, 10, 6)
        self.payer: Payer = payer(registration_expires_at=self.now + timedelta(days=300))
        self.drawn = 0
        self.first: dict[str, Posted] = {}
        self.taken = Counter[BillId]()
        self.bill(1)

    def record(self, *events: Event) -> None:
        for event in events:
            after = evolve(self.payer, event, self.now)
            assert after is not None
            self.payer = after

    def fresh(self) -> int:
        self.drawn += 1
        return self.drawn

    def numbered(self) -> list[Bill]:
        found = [bill for bill in self.payer.bills.values() if bill.number is not None]
        return sorted(found, key=lambda bill: bill.number or "", reverse=True)

    def at(self, which: int) -> Bill | None:
        own = self.numbered()
        return own[which - 1] if 0 < which <= len(own) else None

    @rule(months=st.sampled_from([None, 1, 2, 3]))
    def bill(self, months: int | None) -> None:
        issued = issue(self.payer, now=self.now, bill_id=bill_id(self.fresh()), sets=DEFAULTS, months=months)
        if isinstance(issued, tuple):
            self.record(*end(self.payer, self.now, CancelReason.REPLACED), issued[0])
            self.number()

    @rule()
    def number(self) -> None:
        bill = self.payer.open_bill
        if bill is not None and bill.number is None:
            number = number_of(Block.BILL, self.fresh())
            self.record(BillNumbered(bill_id=bill.bill_id, participant_id=self.payer.participant_id, number=number))

    @rule(which=st.integers(0, 3), reference=REFERENCES, off=st.sampled_from([0, 0, 0, 1]), earlier=st.integers(0, 72))
    def bank_calls(self, which: int, reference: str, off: int, earlier: int) -> None:
        own, first = self.at(which), self.first.get(reference)
        what = self.money(own, reference, off, earlier)
        only, known = None if own is None else own.bill_id, self.payer
        outcome = bill_to_pay(
            known,
            what,
            only=only,
            first=first,
            quote=None,
            agrees=True,
            advice=False,
            limits=LIMITS,
            bill_id=bill_id(self.fresh()),
        )
        match outcome:
            case NextBill():
                assert (first, own) == (None, None)
                self.pay_next(outcome, what)
            case Bill():
                assert first is None
                assert own is None or outcome.bill_id == own.bill_id
                self.pay(outcome, what)
            case Repeated(first=found):
                assert found is first
                assert (found.number, found.amount) == (what.number, what.amount)
            case codes.Case() if first is not None:
                assert outcome is (codes.OTHER_ACCOUNT if first.number != what.number else codes.WRONG_AMOUNT)
            case codes.Case() if own is not None and own.status is BillStatus.PAID:
                assert outcome in (codes.PAID, codes.WRONG_AMOUNT)

    @rule(which=st.integers(0, 3), reference=REFERENCES, off=st.sampled_from([0, 0, 0, 1]), earlier=st.integers(0, 72))
    def a_file_lists(self, which: int, reference: str, off: int, earlier: int) -> None:
        own = self.at(which)
        what = self.money(own, reference, off, earlier)
        if reference in self.first:
            return
        only = None if own is None else own.bill_id
        outcome = place(self.payer, what, only, LIMITS, bill_id=bill_id(self.fresh()))
        if isinstance(outcome, NextBill):
            assert own is None
            self.pay_next(outcome, what)
        elif isinstance(outcome, Bill):
            assert own is None or outcome.bill_id == own.bill_id
            self.pay(outcome, what)

    def pay_next(self, what: NextBill, money: Money) -> None:
        self.record(*end(self.payer, self.now, CancelReason.SUPERSEDED), what.billed)
        self.pay(self.payer.bills[what.billed.bill_id], money)

    def money(self, own: Bill | None, reference: str, off: int, earlier: int) -> Money:
        bill = own or self.payer.open_bill
        at = self.now - timedelta(hours=earlier)
        found = money((bill.amount if bill else 36_800) + off, at, received_at=self.now, reference=reference)
        return Money(**{name: getattr(found, name) for name in found.__slots__} | {"number": own and own.number})

    def pay(self, bill: Bill, what: Money) -> None:
        before = self.payer.paid
        events = post(self.payer, bill, what, payment_id=PaymentId(payment_id(self.fresh())), now=self.now)
        self.record(*events)
        paid = events[0]
        assert isinstance(paid, ContributionPaid)
        assert (paid.number, paid.amount) == (what.number, what.amount)
        assert not bill.contribution_months & before
        self.first[what.channel_reference] = posted(paid)
        self.taken[bill.bill_id] += 1

    @rule(reference=REFERENCES)
    def protection_is_refused(self, reference: str) -> None:
        first = self.first.get(reference)
        events = refuse_protection(first, "reactivated_meanwhile") if first else None
        if first and events:
            assert events[1].number == first.number
            self.record(*events)
            changes = {"reversed_for": "protection_refused"}
            self.first[reference] = Posted(**{name: getattr(first, name) for name in Posted.__slots__} | changes)

    @rule()
    def it_is_cancelled(self) -> None:
        self.record(*cancel(self.payer, CancelReason.ON_REQUEST))

    @rule(hours=st.sampled_from([1, 20, 200, 500]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        self.record(*expire(self.payer, self.now))

    @invariant()
    def a_bill_is_paid_once(self) -> None:
        assert not self.taken or max(self.taken.values()) == 1

    @invariant()
    def its_number_tells_what_became_of_it(self) -> None:
        for bill in self.numbered():
            told = own_bill_to_quote(self.payer, bill, self.now, None, LIMITS)
            if bill.status is BillStatus.PAID or bill.contribution_months & self.payer.paid:
                assert told is codes.PAID
            elif bill.status is BillStatus.CANCELLED:
                assert told is codes.UNKNOWN_BILL
            elif told is not None:
                assert told is ENDED[bill.status]
            else:
                assert bill.status is BillStatus.OPEN


def test_money_at_the_number_of_a_bill_that_ended_pays_no_other_bill_of_the_same_sum() -> None:
    """By call and by file: what the payer was shown is paid, or nothing."""
    doors = TwoDoors()
    doors.begin()
    doors.it_is_cancelled()
    doors.bill(1)
    doors.bank_calls(2, "REF-0", 0, 0)
    doors.a_file_lists(2, "REF-0", 0, 0)
    assert not doors.taken
    doors.bank_calls(1, "REF-0", 0, 0)
    assert sum(doors.taken.values()) == 1


TwoDoors.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestTwoDoors = TwoDoors.TestCase
