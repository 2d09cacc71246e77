"""Any order of paying, doubling, reversing, expiring, matching, crediting, discounting, returning, voiding and refunding: the ledger balances,
and every rupiah that arrived is accounted for exactly once (domain.md sections 1, 5, 6 and 8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from contracts.event import Event
from contracts.events.astray import Action, PayeeKind, PaymentReturnFailed, TransferOrdered, TransferPurpose
from contracts.events.contributions import (
    BillKind,
    ContributionPaid,
    ContributionReversed,
    MonthCharge,
    PaymentUnmatched,
)
from contracts.values import (
    ContributionMonth,
    ParticipantId,
    PayeeAccountId,
    PaymentId,
    ProposalId,
    Rupiah,
    Sector,
    TransferOrderId,
)
from services.payments.domain import orders as ordering
from services.payments.domain import suspense as waiting
from services.payments.domain.arriving import Reason, never_settled, place, seen, suspend
from services.payments.domain.bill import Bill
from services.payments.domain.billing import CancelReason, end, expire, issue
from services.payments.domain.credit import grants, refused, settled_by_credit, standing
from services.payments.domain.ledger import transfers
from services.payments.domain.next_bill import NextBill, next_bill
from services.payments.domain.orders import Order, OrderStatus
from services.payments.domain.parameters import CONTRIBUTION, DEFAULTS, Discount
from services.payments.domain.payees import Payee
from services.payments.domain.payer import Payer, evolve
from services.payments.domain.paying import CannotPay, Limits, Money, Posted, post, posted, settle
from services.payments.domain.proposals import Proposal
from services.payments.domain.refunds import Refund, close_payer
from services.payments.domain.resolving import Found, NewIds, Refused, carry_out
from services.payments.domain.suspense import VOIDED, Case
from tests.unit.payments.strategies import bill_id, payer, payment_id, wib

PEOPLE = [ParticipantId(UUID(int=1_000 + n)) for n in range(3)]
ACCOUNTS = {who: Payee(PayeeAccountId(who), PayeeKind.PARTICIPANT, who, "008", "a", "b", "c") for who in PEOPLE}
ANYBODYS = Payee(PayeeAccountId(UUID(int=9)), PayeeKind.PAYER, None, "008", "a", "b", "c")
LIMITS, LEAST_STEPS = Limits(), 5_000
HAPPENED = (
    "ContributionPaid", "ContributionReversed", "PaymentUnmatched", "PaymentMatched", "PaymentReturned",
    "PaymentReturnFailed", "PaymentAssigned", "PaymentVoided", "ContributionRefunded", "TransferOrdered",
    "TransferConfirmed", "TransferFailed", "BillExpired", "refused after a refund",
    "CreditGranted", "CreditWithdrawn", "PaymentCredited", "CreditReleased",
)  # fmt: skip
"""What the run must have met, or it shows nothing."""
LATER_LAW = CONTRIBUTION.defaults[-1].value.model_copy(
    update={
        "discounts": (
            Discount(sector=Sector.OTHER, first=ContributionMonth(2025, 9), last=ContributionMonth(2026, 8), bps=5_000),
        )
    }
)
"""It discounts what was paid in full before it."""
_SPACE = UUID("0191d3c0-0000-7000-8000-000000000001")
_steps = Counter[str]()

people, references = st.integers(0, 2), st.integers(0, 30)
amounts = st.sampled_from([36_800, 73_600, 110_400, 1, 40_000, 500_000])


class Books(RuleBasedStateMachine):
    """The pure domain folded from its own events, and beside it what a careful clerk would write down."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = wib(2025, 10, 6)
        self.payers: dict[ParticipantId, Payer] = {
            who: payer(participant_id=who, registration_expires_at=wib(2026, 6, 1)) for who in PEOPLE
        }
        self.receipts: dict[str, Posted] = {}
        self.payments: dict[PaymentId, Posted] = {}
        self.cases: dict[PaymentId, Case] = {}
        self.orders: dict[tuple[TransferPurpose, str], Order] = {}
        self.refunds: dict[PaymentId, Refund] = {}
        self.balances = Counter[str]()
        self.taken: dict[str, int] = {}
        """The clerk's: reference → rupiah that the bank really took."""
        self.numbers = 0
        for who in range(len(PEOPLE)):
            self.bill(who, 3)

    # --- what happens -------------------------------------------------------------------------------------------------

    @rule(who=people, months=st.sampled_from([None, 1, 3, 6, 12]))
    def bill(self, who: int, months: int | None) -> None:
        them = self.payers[PEOPLE[who]]
        if them.open_bill is not None:
            return
        outcome = issue(them, now=self.now, bill_id=bill_id(self.fresh("bill")), months=months, sets=DEFAULTS)
        if isinstance(outcome, tuple):
            self.apply(outcome[0])
            if not outcome[0].amount:
                them = self.payers[PEOPLE[who]]
                bill = them.bills[outcome[0].bill_id]
                self.apply(settled_by_credit(them, bill, payment_id=self.fresh_payment(), now=self.now))

    @rule(hours=st.sampled_from([1, 5, 30, 170]))
    def time_passes(self, hours: int) -> None:
        _steps["step"] += 1
        self.now += timedelta(hours=hours)
        for who in PEOPLE:
            for event in expire(self.payers[who], self.now):
                self.apply(event)

    @rule(who=people, reference=references, amount=amounts)
    def bank_calls(self, who: int, reference: int, amount: int) -> None:
        """SNAP: what settles nothing books nothing; a reference that is known books nothing more."""
        name = f"R{reference}"
        _steps["step"] += 1
        if name in self.receipts:
            return
        money = self.money(name, amount)
        them = self.payers[PEOPLE[who]]
        bill: Bill | NextBill | CannotPay = settle(them, money, None, LIMITS)
        if isinstance(bill, CannotPay):
            bill = next_bill(them, money, bill, LIMITS, bill_id=bill_id(self.fresh("bill")))
        if not isinstance(bill, CannotPay):
            self.take(name, amount)
            self.pay(them, bill, money)

    def pay(self, them: Payer, bill: Bill | NextBill, money: Money) -> None:
        if isinstance(bill, NextBill):
            self.apply(*end(them, self.now, CancelReason.SUPERSEDED), bill.billed)
            them = self.payers[them.participant_id]
            bill = them.bills[bill.billed.bill_id]
        self.apply(*post(them, bill, money, payment_id=self.fresh_payment(), now=self.now))

    @rule(
        who=st.integers(0, 3),
        reference=references,
        amount=amounts,
        exact=st.booleans(),
        days=st.sampled_from([0, 2, 9]),
    )
    def money_arrives(self, who: int, reference: int, amount: int, exact: bool, days: int) -> None:
        name, them = f"R{reference}", self.payers[PEOPLE[who]] if who < 3 else None
        _steps["step"] += 1
        if exact and them is not None and them.open_bill is not None:
            amount = them.open_bill.amount
        money, before = self.money(name, amount, days), self.receipts.get(name)
        if before is not None:
            case = self.cases.get(before.payment_id)
            waits = case is not None and case.outcome != VOIDED
            if seen(self.payments.get(before.payment_id, before), waits=waits, money=money) is not None:
                return
        outcome = (
            Reason.UNKNOWN_CODE
            if them is None
            else place(them, money, None, LIMITS, bill_id=bill_id(self.fresh("bill")))
        )
        self.take(name, amount)
        if before is not None:
            self.wait(money, Reason.PAYMENT_VOIDED, before)
        elif isinstance(outcome, Bill | NextBill):
            assert them is not None
            self.pay(them, outcome, money)
        else:
            self.wait(money, outcome, None)

    @rule(pick=st.integers(0, 50))
    def protection_is_refused(self, pick: int) -> None:
        payment = self.picked(self.payments, pick)
        if payment is not None and payment.participant_id is not None:
            self.refuse(payment)

    def refuse(self, payment: Posted) -> None:
        assert payment.participant_id is not None
        them = self.payers[payment.participant_id]
        reason = "participant_closed" if them.closed else "reactivated_meanwhile"
        events = refused(them, payment, reason, refund_id=self.fresh_payment(), now=self.now)
        _steps["refused after a refund"] += events is not None and payment.payment_id in self.refunds
        self.apply(*(events or ()))

    @rule(who=people)
    def a_law_comes_after_the_money(self, who: int) -> None:
        them = self.payers[PEOPLE[who]]
        theirs = [p for p in self.payments.values() if p.participant_id == them.participant_id]
        _steps["step"] += 1
        if not them.blocked:
            self.apply(*grants(them, theirs, LATER_LAW))

    @rule(who=people, seldom=st.integers(1, 12), late=st.booleans())
    def a_participation_ends(self, who: int, seldom: int, late: bool) -> None:
        """`late`: registration had closed it before the money came, and answers that it protects nobody."""
        them = self.payers[PEOPLE[who]]
        theirs = [p for p in self.payments.values() if p.participant_id == them.participant_id]
        _steps["step"] += 1
        if theirs and seldom > (6 if them.credit else 11):
            end = {"closed_on": self.now.date(), "refund_id": self.fresh_payment()}
            self.apply(*(close_payer(them, theirs, reason="death", **end) or ()))  # type: ignore[arg-type]
            for payment in theirs if late else ():
                self.refuse(payment)

    @rule(
        action=st.sampled_from([*Action, Action.MATCH, Action.RETURN]),
        pick=st.integers(0, 50),
        who=people,
        amount=amounts,
        whole=st.booleans(),
    )
    def two_people_decide(self, action: Action, pick: int, who: int, amount: int, whole: bool) -> None:
        _steps["step"] += 1
        known = self.known(action)
        if not known:
            return
        key, them = known[pick % len(known)], self.payers[PEOPLE[who]]
        if action is Action.MATCH:
            self.bill(who, None)
            them = self.payers[PEOPLE[who]]
        if action is Action.CREDIT:
            them = next((one for one in self.payers.values() if one.kind_at(self.now) is BillKind.STANDARD), them)
        if action is Action.REFUND:
            them = self.payers[self.refunds[key].participant_id]
        payer_of = self.payments[key].participant_id if key in self.payments else None
        if action is Action.VOID and payer_of is not None:
            them = self.payers[payer_of]
        proposal = self.proposal(action, key, them, amount, whole=whole)
        found = Found(
            case=self.cases.get(key),
            payment=self.payments.get(key),
            refund=self.refunds.get(key),
            payer=them,
            payee=ACCOUNTS[them.participant_id] if action is Action.REFUND else ANYBODYS,
            order=self.orders.get(_order_key(proposal)),
        )
        ids = NewIds(self.fresh_payment(), TransferOrderId(uuid5(_SPACE, f"order {self.numbers}")))
        outcome = carry_out(proposal, found, ids, self.now)
        if isinstance(outcome, Refused):
            return
        if action is Action.VOID:
            self.never_came(key, outcome[0].amount)  # type: ignore[attr-defined]
        for event in outcome:
            self.apply(event, of=key)

    @rule(pick=st.integers(0, 50), paid=st.booleans())
    def a_transfer_ends(self, pick: int, paid: bool) -> None:
        _steps["step"] += 1
        standing = [order for order in self.orders.values() if order.status is OrderStatus.ORDERED]
        if not standing:
            return
        order = standing[pick % len(standing)]
        if paid:
            today = self.now.date()
            confirmed = ordering.confirm(
                order, partner="bank-a", paid_on=today, evidence="x", ordered_on=today, today=today
            )
            self.apply(confirmed)  # type: ignore[arg-type]
            return
        failed = ordering.fail(order, "account_closed")
        self.apply(failed)  # type: ignore[arg-type]
        if order.purpose is TransferPurpose.RETURN:
            assert order.payment_id is not None
            back = PaymentReturnFailed(
                payment_id=order.payment_id, amount=Rupiah(order.amount), order_id=order.order_id, reason="closed"
            )
            self.apply(back)

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_balances(self) -> None:
        assert sum(self.balances.values()) == 0
        for account, balance in self.balances.items():
            if account.startswith("clearing:"):
                assert balance >= 0, account
            elif not account.startswith(("bank:", "fees:")):
                assert balance <= 0, account

    @invariant()
    def every_rupiah_that_came_stands_in_one_place(self) -> None:
        held = sum(case.held for case in self.cases.values())
        standing = sum(charge.total for charge in self.charges_that_stand())
        given_back = sum(refund.amount for refund in self.refunds.values())
        assert self.balances["clearing:bank-a"] == sum(self.taken.values())
        assert -self.balances["suspense"] == held
        assert -sum(self.balances[f"contributions:{part}"] for part in ("jkk", "jkm", "jht")) == standing
        assert -self.balances["carry-forward"] == sum(them.credit for them in self.payers.values())
        ordered = [order for order in self.orders.values() if order.purpose is TransferPurpose.RETURN]
        back = sum(order.amount for order in ordered if order.status is OrderStatus.ORDERED)
        confirmed = [order for order in self.orders.values() if order.status is OrderStatus.CONFIRMED]
        refunded = sum(order.amount for order in confirmed if order.purpose is TransferPurpose.REFUND)
        assert -self.balances["refunds-payable"] == back + given_back - refunded
        assert -self.balances["bank:bank-a"] == sum(order.amount for order in confirmed)

    @invariant()
    def credit_is_never_below_zero_and_nobody_who_pays_no_more_has_any(self) -> None:
        for them in self.payers.values():
            assert 0 <= them.from_suspense <= them.credit
            assert not (them.blocked and them.credit)

    @invariant()
    def no_month_is_paid_twice(self) -> None:
        for who, them in self.payers.items():
            months = Counter[ContributionMonth]()
            for payment in self.payments.values():
                if payment.participant_id == who and payment.reversed_for is None:
                    months.update(charge.month for charge in payment.months)
            assert set(months.values()) <= {1}
            assert them.paid <= months.keys()

    # --- how it is kept -----------------------------------------------------------------------------------------------

    def apply(self, *events: Event | None, of: PaymentId | None = None) -> None:
        """Each event on the state of its stream, and its lines in the books."""
        for event in events:
            if event is None:
                continue
            _steps[event.type] += 1
            for line in transfers(event):
                self.balances[line.debit] += line.amount
                self.balances[line.credit] -= line.amount
            match event.stream:
                case "contributions":
                    self.of_payer(event)
                case "receipts":
                    key: Any = event.payment_id  # type: ignore[attr-defined]
                    case = waiting.evolve(self.cases.get(key), event, self.now)
                    assert case is not None
                    self.cases[key] = case
                case "transfer-orders":
                    place_ = (event.purpose, event.reference)  # type: ignore[attr-defined]
                    after = ordering.evolve(None if isinstance(event, TransferOrdered) else self.orders[place_], event)
                    assert after is not None
                    self.orders[place_] = after

    def of_payer(self, event: Any) -> None:
        after = evolve(self.payers[event.participant_id], event, self.now)
        assert after is not None
        self.payers[event.participant_id] = after
        match event:
            case ContributionPaid():
                paid = posted(event)
                self.payments[event.payment_id] = paid
                self.receipts[event.channel_reference] = paid
            case ContributionReversed():
                changed = replace(self.payments[event.payment_id], reversed_for=event.reason)
                self.payments[event.payment_id] = self.receipts[changed.channel_reference] = changed
        if event.type in ("ContributionRefunded", "CreditReleased"):
            self.refunds[event.payment_id] = Refund(event.payment_id, event.participant_id, event.amount)

    def known(self, action: Action) -> list[PaymentId]:
        """What a person might try such a thing on."""
        match action:
            case Action.VOID:
                return [*dict.fromkeys([*self.cases, *self.payments])]
            case Action.REFUND:
                return [*self.refunds]
        return [key for key, case in self.cases.items() if case.held]

    def wait(self, money: Money, reason: CannotPay | Reason, before: Posted | None) -> None:
        event: PaymentUnmatched = suspend(
            money,
            reason,
            payment_id=self.fresh_payment() if before is None else before.payment_id,
            participant_id=None,
            bill_id=None if before is None else before.bill_id,
        )
        self.apply(event)
        if before is None:
            self.receipts[money.channel_reference] = never_settled(event, self.now)

    def take(self, reference: str, amount: int) -> None:
        self.taken[reference] = self.taken.get(reference, 0) + amount

    def never_came(self, key: PaymentId, amount: int) -> None:
        """The clerk strikes out what the bank never had, but for credit of it that protects a month by now. It is a receipt of the bank's own:
        no file could lack a payment out of suspense."""
        reference = next((name for name, receipt in self.receipts.items() if receipt.payment_id == key), None)
        assert reference in self.taken
        self.taken[reference] = self.taken.get(reference, 0) - amount

    def charges_that_stand(self) -> Iterator[MonthCharge]:
        """Every paid month as it stands in the books."""
        for payment in self.payments.values():
            if payment.reversed_for is None and payment.participant_id is not None:
                them = self.payers[payment.participant_id]
                yield from standing(them, (charge for charge in payment.months if charge.month in them.paid))

    def proposal(self, action: Action, key: PaymentId, them: Payer, amount: int, *, whole: bool) -> Proposal:
        bill, case = them.open_bill, self.cases.get(key)
        if action is Action.MATCH and bill is not None:
            amount = bill.amount
        elif action is Action.REFUND and key in self.refunds:
            amount = self.refunds[key].amount
        elif whole and case is not None:
            amount = case.held
        return Proposal(
            proposal_id=ProposalId(uuid5(_SPACE, f"proposal {self.fresh('proposal')}")), action=action, payment_id=key,
            amount=amount, reason="checked", evidence="x", participant_id=them.participant_id,
            bill_id=None if bill is None else bill.bill_id, account="fees:bank-a",
            payee_account_id=PayeeAccountId(UUID(int=9)), made_by="a", made_at=self.now,
        )  # fmt: skip

    def money(self, reference: str, amount: int, days: int = 0) -> Money:
        at = self.now - timedelta(days=days)
        return Money(
            partner="bank-a", channel="file", channel_reference=reference, amount=amount, effective_at=at, received_at=self.now
        )  # fmt: skip

    def picked(self, among: dict[PaymentId, Posted], pick: int) -> Posted | None:
        _steps["step"] += 1
        return [*among.values()][pick % len(among)] if among else None

    def fresh(self, _: str) -> int:
        self.numbers += 1
        return self.numbers

    def fresh_payment(self) -> PaymentId:
        return payment_id(self.fresh("payment"))


def _order_key(proposal: Proposal) -> tuple[TransferPurpose, str]:
    if proposal.action is Action.REFUND:
        return TransferPurpose.REFUND, str(proposal.payment_id)
    return TransferPurpose.RETURN, str(proposal.proposal_id)


def test_no_money_is_made_or_lost_in_any_order_of_events() -> None:
    _steps.clear()
    for _ in range(4):  # what is rare does not come in every thousand of histories
        run_state_machine_as_test(
            Books,
            settings=settings(
                max_examples=200, stateful_step_count=70, deadline=None, suppress_health_check=[*HealthCheck]
            ),
        )
        if all(_steps[kind] for kind in HAPPENED):
            break
    assert _steps["step"] >= LEAST_STEPS, _steps
    assert not [kind for kind in HAPPENED if not _steps[kind]], _steps
