"""What two people may do with money, and what follows (domain.md sections 1 and 6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.events.astray import (
    Action,
    PayeeKind,
    PaymentAssigned,
    PaymentMatched,
    PaymentReturned,
    PaymentReturnFailed,
    PaymentVoided,
    TransferOrdered,
)
from contracts.events.contributions import ContributionPaid, ContributionReversed
from contracts.values import ContributionMonth, PayeeAccountId, ProposalId, Rupiah, TransferOrderId
from services.payments.domain.arriving import Reason, suspend
from services.payments.domain.balance import BALANCE_PARTNER
from services.payments.domain.billing import issue
from services.payments.domain.orders import CannotOrder, OrderStatus, confirm, fail, ordered
from services.payments.domain.orders import evolve as evolve_order
from services.payments.domain.parameters import DEFAULTS
from services.payments.domain.payees import CannotVerify, Payee, retire, verify
from services.payments.domain.paying import CannotPay, posted
from services.payments.domain.proposals import CannotDecide, Proposal, Verdict, decide, evolve
from services.payments.domain.refunds import Refund, close_payer
from services.payments.domain.resolving import CannotDo, Found, NewIds, Refused, carry_out, match_reference
from services.payments.domain.suspense import Case, opened
from services.payments.domain.suspense import evolve as evolve_case
from tests.unit.payments.strategies import PARTICIPANT, bill_id, money, payment_id, wib
from tests.unit.payments.test_paying import billed, folded, paid

DAY = wib(2025, 10, 7)
IDS = NewIds(payment_id(50), TransferOrderId(UUID(int=51)))
PROPOSAL = ProposalId(UUID(int=52))
ACCOUNT = PayeeAccountId(UUID(int=53))
PAYEE = Payee(ACCOUNT, PayeeKind.PAYER, None, "008", "officer-1", "head-1", "book")


def waiting(amount: int = 40_000, participant: Any = None) -> Case:
    event = suspend(money(amount, DAY), CannotPay.WRONG_AMOUNT, payment_id=payment_id(9), participant_id=participant)
    return opened(event, DAY)


def proposal(action: Action, amount: int = 36_800, **more: Any) -> Proposal:
    facts: dict[str, Any] = {
        "proposal_id": PROPOSAL, "action": action, "payment_id": payment_id(9), "amount": amount,
        "reason": "checked", "evidence": None, "participant_id": None, "bill_id": None, "account": None,
        "payee_account_id": None, "made_by": "officer-1", "made_at": DAY,
    }  # fmt: skip
    return Proposal(**facts | more)


def done(what: Proposal, found: Found) -> list[str]:
    outcome = carry_out(what, found, IDS, DAY + timedelta(days=1))
    assert not isinstance(outcome, Refused), outcome
    return [event.type for event in outcome]


MATCH = proposal(Action.MATCH, participant_id=PARTICIPANT, bill_id=bill_id(1))
CREDIT = proposal(Action.CREDIT, participant_id=PARTICIPANT)
RUNNING = paid(billed(), 36_800, DAY)
"""Paid for October; nothing is owed."""
LONG_AGO = frozenset({ContributionMonth(2025, 6)})


def test_money_given_as_credit_leaves_suspense_and_is_used_by_the_next_bill() -> None:
    outcome = carry_out(CREDIT._replace(amount=10_000), Found(case=waiting(), payer=RUNNING), IDS, DAY)
    assert not isinstance(outcome, Refused)
    assert [event.type for event in outcome] == ["PaymentCredited", "CreditAdded"]
    case, after = evolve_case(waiting(), outcome[0], DAY), folded(RUNNING, outcome[1:], DAY)
    assert case is not None
    assert (case.held, case.outcome, after.credit, after.from_suspense) == (30_000, "credited", 10_000, 10_000)
    next_bill = issue(after, now=wib(2025, 11, 3), bill_id=bill_id(2), sets=DEFAULTS)
    assert isinstance(next_bill, tuple)
    assert (next_bill[0].amount, next_bill[0].months[0].credit) == (26_800, 10_000)


def test_a_match_leaves_suspense_and_pays_the_bill_at_the_time_of_the_money() -> None:
    outcome = carry_out(MATCH, Found(case=waiting(), payer=billed()), IDS, DAY + timedelta(days=20))
    assert not isinstance(outcome, Refused)
    matched, settled = outcome
    assert isinstance(matched, PaymentMatched)
    assert isinstance(settled, ContributionPaid)
    assert (settled.payment_id, settled.channel_reference) == (IDS.payment_id, match_reference(IDS.payment_id))
    assert (settled.effective_at, settled.amount) == (DAY, 36_800)


def test_a_match_counts_from_now_where_the_bill_was_not_payable_at_the_time_of_the_money() -> None:
    """A first bill of November, money of October: protection starts with the decision."""
    november = wib(2025, 11, 3)
    who = billed(november)
    outcome = carry_out(MATCH, Found(case=waiting(), payer=who), IDS, november)
    assert not isinstance(outcome, Refused)
    assert outcome[1].effective_at == november  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("what", "found", "expected"),
    [
        (MATCH, Found(), CannotDo.NOTHING_THERE),
        (MATCH, Found(case=waiting()._replace(held=0), payer=billed()), CannotDo.NOTHING_THERE),
        (MATCH, Found(case=waiting(36_799), payer=billed()), CannotDo.MORE_THAN_HELD),
        (MATCH, Found(case=waiting()), CannotDo.BILL_NOT_PAYABLE),
        (MATCH, Found(case=waiting(), payer=paid(billed(), 36_800, DAY)), CannotDo.BILL_NOT_PAYABLE),
        (MATCH, Found(case=waiting(), payer=billed()._replace(blocked="nik_taken")), CannotDo.BILL_NOT_PAYABLE),
        (MATCH._replace(amount=36_000), Found(case=waiting(), payer=billed()), CannotDo.WRONG_AMOUNT),
        (MATCH._replace(amount=0), Found(case=waiting(), payer=billed()), CannotDo.MORE_THAN_HELD),
        (CREDIT, Found(), CannotDo.NOTHING_THERE),
        (CREDIT, Found(case=waiting(36_799), payer=RUNNING), CannotDo.MORE_THAN_HELD),
        (CREDIT, Found(case=waiting()), CannotDo.NO_NEXT_BILL),
        (CREDIT, Found(case=waiting(), payer=billed()), CannotDo.NO_NEXT_BILL),
        (CREDIT, Found(case=waiting(), payer=RUNNING._replace(paid=LONG_AGO)), CannotDo.NO_NEXT_BILL),
        (CREDIT, Found(case=waiting(), payer=RUNNING._replace(blocked="participant_closed")), CannotDo.NO_NEXT_BILL),
        (proposal(Action.ASSIGN, account="suspense"), Found(case=waiting()), CannotDo.ACCOUNT_NOT_ALLOWED),
        (proposal(Action.ASSIGN, account="fees:bank-b"), Found(case=waiting()), CannotDo.ACCOUNT_NOT_ALLOWED),
        (proposal(Action.RETURN), Found(case=waiting()), CannotOrder.PAYEE_NOT_VERIFIED),
        (proposal(Action.VOID), Found(), CannotDo.NOTHING_THERE),
        (proposal(Action.VOID), Found(case=waiting()._replace(held=5)), CannotDo.PARTLY_USED),
        (
            proposal(Action.VOID),
            Found(case=waiting(), refund=Refund(payment_id(9), PARTICIPANT, 5)),
            CannotDo.PARTLY_USED,
        ),
        (
            proposal(Action.VOID),
            Found(case=waiting()._replace(partner=BALANCE_PARTNER)),
            CannotDo.NOT_OFFERED,
        ),
        (proposal(Action.REFUND), Found(), CannotDo.NOTHING_THERE),
        (proposal(Action.REFUND), Found(refund=Refund(payment_id(9), PARTICIPANT, 5)), CannotDo.WRONG_AMOUNT),
    ],
)  # fmt: skip
def test_what_is_not_possible_has_its_reason(what: Proposal, found: Found, expected: object) -> None:
    assert carry_out(what, found, IDS, DAY) is expected


@pytest.mark.parametrize(
    ("payee", "expected"),
    [
        (PAYEE, None),
        (PAYEE._replace(verified_by=None), CannotOrder.PAYEE_NOT_VERIFIED),
        (PAYEE._replace(retired_for="moved"), CannotOrder.PAYEE_NOT_VERIFIED),
        (PAYEE._replace(kind=PayeeKind.WADAH), CannotOrder.WRONG_PAYEE),
        (PAYEE._replace(kind=PayeeKind.PARTICIPANT, owner_id=UUID(int=1)), CannotOrder.WRONG_PAYEE),
        (PAYEE._replace(kind=PayeeKind.PARTICIPANT, owner_id=PARTICIPANT), None),
    ],
)
def test_money_goes_back_to_an_account_that_two_people_looked_at(payee: Payee, expected: object) -> None:
    what = proposal(Action.RETURN, payee_account_id=ACCOUNT)
    outcome = carry_out(what, Found(case=waiting(participant=PARTICIPANT), payee=payee), IDS, DAY)
    if expected is not None:
        assert outcome is expected
    else:
        assert [type(event) for event in outcome] == [PaymentReturned, TransferOrdered]


def test_a_posted_payment_is_voided_once_and_whole() -> None:
    who = billed()
    bill = who.bills[bill_id(1)]
    case = waiting(36_800)._replace(held=0)
    assert done(MATCH, Found(case=waiting(), payer=who)) == ["PaymentMatched", "ContributionPaid"]
    outcome = carry_out(MATCH, Found(case=waiting(), payer=who), IDS, DAY)
    out_of_suspense = posted(outcome[1])  # type: ignore[arg-type]
    payment = replace(out_of_suspense, channel_reference="PAY-1")
    void = proposal(Action.VOID)._replace(payment_id=payment.payment_id)
    (taken_back,) = carry_out(void, Found(case=case, payment=payment), IDS, DAY)
    assert isinstance(taken_back, ContributionReversed)
    assert (taken_back.reason, taken_back.refusal, taken_back.months) == ("missing_at_bank", None, bill.months)
    back_there = case._replace(
        channel_reference=out_of_suspense.channel_reference, payment_id=payment.payment_id, held=1
    )
    for never_listed in (Found(payment=out_of_suspense), Found(payment=out_of_suspense, case=back_there)):
        assert carry_out(void, never_listed, IDS, DAY) is CannotDo.CAME_OUT_OF_SUSPENSE
    assert carry_out(void, Found(payment=payment, whole_stands=True), IDS, DAY) is CannotDo.PART_OF_A_WHOLE
    refund = Refund(payment.payment_id, PARTICIPANT, 5)
    assert carry_out(void, Found(payment=payment, refund=refund), IDS, DAY) is CannotDo.PARTLY_USED


def test_a_receipt_that_never_came_goes_with_the_payment_that_was_made_of_it() -> None:
    who = billed()
    first = carry_out(MATCH, Found(case=waiting(), payer=who), IDS, DAY)
    assert not isinstance(first, Refused)
    matched, case = posted(first[1]), evolve_case(waiting(), first[0], DAY)  # type: ignore[arg-type]
    assert case is not None
    void, after = proposal(Action.VOID)._replace(payment_id=case.payment_id), folded(who, first[1:], DAY)
    outcome = carry_out(void, Found(case=case, matched=matched, payer=after), IDS, DAY)
    assert not isinstance(outcome, Refused)
    reversed_, voided = outcome
    assert isinstance(reversed_, ContributionReversed)
    assert isinstance(voided, PaymentVoided)
    assert (reversed_.payment_id, reversed_.reason, reversed_.amount) == (matched.payment_id, "missing_at_bank", 36_800)
    assert voided.amount == 40_000 - 36_800
    gone = evolve_case(case, voided, DAY)
    assert gone is not None
    assert (gone.held, gone.outcome) == (0, "voided")
    for kept in (
        Found(case=case._replace(held=0), matched=matched, payer=after),
        Found(case=case, payer=after),
        Found(case=case, matched=replace(matched, reversed_for="protection_refused"), payer=after),
        Found(case=case, matched=matched, payer=after, refund=Refund(matched.payment_id, PARTICIPANT, 5)),
    ):
        assert carry_out(void, kept, IDS, DAY) is CannotDo.PARTLY_USED


def test_a_case_holds_what_was_not_used_and_takes_back_what_failed() -> None:
    case: Case | None = waiting()
    key, order_id = payment_id(9), IDS.order_id
    steps = [
        PaymentAssigned(payment_id=key, amount=Rupiah(10_000), account="fees:bank-a", proposal_id=PROPOSAL),
        PaymentReturned(payment_id=key, amount=Rupiah(30_000), order_id=order_id, proposal_id=PROPOSAL),
        PaymentReturnFailed(payment_id=key, amount=Rupiah(30_000), order_id=order_id, reason="account_closed"),
        PaymentVoided(payment_id=key, partner="bank-a", amount=Rupiah(30_000), proposal_id=PROPOSAL),
    ]
    seen = []
    for step in steps:
        case = evolve_case(case, step, DAY)
        assert case is not None
        seen.append((case.held, case.outcome, case.closed_at))
    assert seen == [(30_000, "assigned", None), (0, "returned", DAY), (30_000, None, None), (0, "voided", DAY)]


def test_whoever_proposes_never_decides() -> None:
    pending = proposal(Action.ASSIGN)
    assert decide(pending, Verdict.APPROVE, by="officer-1", reason="") is CannotDecide.SAME_PERSON
    assert decide(pending, Verdict.REFUSE, by="officer-1", reason="") is CannotDecide.SAME_PERSON
    assert decide(pending, Verdict.WITHDRAW, by="head-1", reason="") is CannotDecide.ANOTHERS
    assert decide(None, Verdict.APPROVE, by="head-1", reason="") is CannotDecide.UNKNOWN
    for verdict, by in ((Verdict.APPROVE, "head-1"), (Verdict.REFUSE, "head-1"), (Verdict.WITHDRAW, "officer-1")):
        event = decide(pending, verdict, by=by, reason="no")
        assert not isinstance(event, CannotDecide)
        after = evolve(pending, event, DAY)
        assert decide(after, Verdict.APPROVE, by="head-2", reason="") is CannotDecide.DECIDED


def test_whoever_records_an_account_never_verifies_it() -> None:
    fresh = PAYEE._replace(verified_by=None)
    assert verify(fresh, "officer-1", "book") is CannotVerify.SAME_PERSON
    assert verify(fresh._replace(retired_for="moved"), "head-1", "book") is CannotVerify.RETIRED
    assert verify(PAYEE, "head-1", "book") is None
    assert verify(PAYEE, "head-1", "other book") is verify(PAYEE, "head-2", "book") is CannotVerify.VERIFIED
    assert retire(PAYEE._replace(retired_for="moved"), "again") is None


def test_an_order_is_alone_in_force_until_it_fails() -> None:
    refund = Found(refund=Refund(payment_id(9), PARTICIPANT, 36_800), payee=PAYEE._replace(kind=PayeeKind.PARTICIPANT))
    what = proposal(Action.REFUND, payee_account_id=ACCOUNT)
    assert carry_out(what, refund, IDS, DAY) is CannotOrder.WRONG_PAYEE
    own = Payee(ACCOUNT, PayeeKind.PARTICIPANT, PARTICIPANT, "008", "officer-1", "head-1", "book")
    found = Found(refund=Refund(payment_id(9), PARTICIPANT, 36_800), payee=own)
    (given,) = carry_out(what, found, IDS, DAY)
    assert isinstance(given, TransferOrdered)
    standing = ordered(given)
    again = Found(refund=found.refund, payee=own, order=standing)
    assert carry_out(what, again, IDS, DAY) is CannotDo.ORDERED
    failed = fail(standing, "account_closed")
    after = evolve_order(standing, failed)  # type: ignore[arg-type]
    assert after is not None
    assert (after.status, done(what, Found(refund=found.refund, payee=own, order=after))) == (
        OrderStatus.FAILED,
        ["TransferOrdered"],
    )
    assert (
        confirm(after, partner="bank-a", paid_on=DAY.date(), evidence="x", ordered_on=DAY.date(), today=DAY.date())
        == "order_failed"
    )


def test_months_after_the_end_are_given_back_and_no_others() -> None:
    who = billed(months=6)
    bill = who.bills[bill_id(1)]
    settled = carry_out(MATCH._replace(amount=bill.amount), Found(case=waiting(bill.amount), payer=who), IDS, DAY)
    payment = posted(settled[1])  # type: ignore[arg-type]
    who = folded(who, settled[1:], DAY)
    end: Any = {"closed_on": wib(2025, 12, 3).date(), "reason": "death", "refund_id": payment_id(8)}
    events: Any = close_payer(who, [payment], **end)
    closed, refund = events
    assert closed.closed_on == end["closed_on"]
    assert [str(charge.month) for charge in refund.months] == ["2026-01", "2026-02", "2026-03"]
    assert refund.amount == 3 * 36_800
    after = folded(who, events, DAY)
    assert (after.closed, [str(month) for month in sorted(after.paid)]) == (True, ["2025-10", "2025-11", "2025-12"])
    assert close_payer(after, [payment], **end) is None


def test_reasons_of_arrival_are_codes() -> None:
    assert {str(reason) for reason in Reason} == {"unknown_code", "bill_cancelled", "payment_voided"}
