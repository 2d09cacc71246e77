"""Which payment settles which bill: judged at `effective_at`, in full or not at all (domain.md section 6; snap.md section 9)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from contracts.events.contributions import BillCancelled, BillKind, ContributionPaid
from contracts.events.participants import RefusalReason
from contracts.values import ContributionMonth
from services.payments.domain.bill import BillStatus
from services.payments.domain.billing import CancelReason, cancel, expire
from services.payments.domain.payer import Payer, evolve
from services.payments.domain.paying import (
    CannotPay,
    Limits,
    Money,
    Posted,
    Quote,
    post,
    refuse_protection,
    settle,
)
from tests.unit.payments.strategies import bill_id, money, payer, payment_id, wib
from tests.unit.payments.test_billing import issued

LIMITS = Limits()
OCTOBER_6 = wib(2025, 10, 6)


def billed(at: datetime = OCTOBER_6, n: int = 1, who: Payer | None = None, months: int | None = None) -> Payer:
    return issued(who or payer(registration_expires_at=at + timedelta(days=30)), at, n, months)[0]


def member(*paid: str) -> Payer:
    return payer()._replace(paid=frozenset(map(ContributionMonth.parse, paid)))


def folded(who: Payer, events: object, at: datetime) -> Payer:
    for event in events:  # type: ignore[attr-defined]
        after = evolve(who, event, at)
        assert after is not None
        who = after
    return who


def paid(who: Payer, amount: int, at: datetime) -> Payer:
    bill = settle(who, money(amount, at), None, LIMITS)
    assert not isinstance(bill, CannotPay), bill
    return folded(who, post(who, bill, money(amount, at), payment_id=payment_id(1), now=at), at)


def outcome(who: Payer, what: Money, quote: Quote | None = None) -> object:
    bill = settle(who, what, quote, LIMITS)
    return bill if isinstance(bill, CannotPay) else bill.bill_id


def test_the_exact_amount_settles_the_bill() -> None:
    who = paid(billed(), 36_800, wib(2025, 10, 7))
    assert who.paid == {ContributionMonth(2025, 10)}
    assert who.bills[bill_id(1)].status is BillStatus.PAID


@pytest.mark.parametrize("amount", [36_799, 36_801, 73_600, 1])
def test_any_other_amount_settles_nothing(amount: int) -> None:
    assert outcome(billed(), money(amount, wib(2025, 10, 7))) is CannotPay.WRONG_AMOUNT


def test_a_second_payment_of_a_paid_bill_is_refused() -> None:
    assert outcome(paid(billed(), 36_800, OCTOBER_6), money(36_800, wib(2025, 10, 8))) is CannotPay.PAID


def test_a_paid_up_payer_without_any_recent_bill_has_paid() -> None:
    assert outcome(member("2025-10"), money(36_800, wib(2025, 10, 25))) is CannotPay.PAID


def test_a_first_bill_is_dead_after_its_month_even_when_just_quoted() -> None:
    who = billed(wib(2025, 10, 31))
    quote = Quote(bill_id(1), wib(2025, 10, 31, 23, 55))
    assert outcome(who, money(36_800, wib(2025, 10, 31, 23, 59)), quote) == bill_id(1)
    assert outcome(who, money(36_800, wib(2025, 11, 1, 0, 1)), quote) is CannotPay.EXPIRED


def test_a_standard_bill_quoted_before_its_end_is_honoured_for_fifteen_minutes() -> None:
    who = billed(wib(2025, 10, 20), who=member("2025-09"))
    who = folded(who, expire(who, wib(2025, 11, 1, 0)), wib(2025, 11, 1, 0))
    quote = Quote(bill_id(1), wib(2025, 10, 31, 23, 50))
    assert outcome(who, money(36_800, wib(2025, 11, 1, 0, 5)), quote) == bill_id(1)
    assert outcome(who, money(36_800, wib(2025, 11, 1, 0, 6)), quote) is CannotPay.EXPIRED
    assert outcome(who, money(36_800, wib(2025, 11, 1, 0, 5)), None) is CannotPay.EXPIRED


def test_a_quote_does_not_carry_across_the_lapse_instant() -> None:
    who = billed(wib(2026, 1, 20), who=member("2025-10"))
    quote = Quote(bill_id(1), wib(2026, 1, 31, 23, 55))
    assert outcome(who, money(36_800 * 3, wib(2026, 1, 31, 23, 59)), quote) == bill_id(1)
    assert outcome(who, money(36_800 * 3, wib(2026, 2, 1, 0, 0)), quote) is CannotPay.EXPIRED


def test_money_of_before_the_lapse_is_taken_after_it() -> None:
    """T14: judged at effective_at, not at arrival."""
    who = billed(wib(2026, 1, 20), who=member("2025-10"))
    who = folded(who, expire(who, wib(2026, 2, 1, 0)), wib(2026, 2, 1, 0))
    late = money(36_800 * 3, wib(2026, 1, 31, 23, 0), received_at=wib(2026, 2, 3))
    assert outcome(who, late) == bill_id(1)


def test_money_of_before_the_registration_expired_is_taken_after_it() -> None:
    who = billed(wib(2025, 10, 6))
    who = folded(who, cancel(who, CancelReason.REGISTRATION_EXPIRED), wib(2025, 10, 20))
    in_time = money(36_800, wib(2025, 10, 19, 23), received_at=wib(2025, 10, 20, 12))
    late = money(36_800, wib(2025, 10, 20, 12))
    assert (outcome(who, in_time), outcome(who, late)) == (bill_id(1), CannotPay.EXPIRED)


def test_a_first_bill_ends_with_the_registration_even_before_that_is_known() -> None:
    who = billed(wib(2025, 11, 2), who=payer(registration_expires_at=wib(2025, 11, 5)))
    assert outcome(who, money(36_800, wib(2025, 11, 5))) is CannotPay.EXPIRED


def test_money_older_than_the_longest_backdating_is_refused() -> None:
    now = wib(2025, 10, 20)
    who = billed(wib(2025, 10, 6))
    assert outcome(who, money(36_800, now - timedelta(days=7), received_at=now)) == bill_id(1)
    assert outcome(who, money(36_800, now - timedelta(days=7, seconds=1), received_at=now)) is CannotPay.TOO_OLD


def test_money_of_before_the_bill_pays_none_of_the_later_month() -> None:
    """Taken on 31 October at 21:00, while an inquiry of 1 November 00:10 issued November's bill."""
    october, november = wib(2025, 10, 31, 21), wib(2025, 11, 1, 0) + timedelta(minutes=10)
    who = billed(november, who=member("2025-10"))
    late = money(36_800, october, received_at=november + timedelta(hours=9))
    assert settle(who, late, None, LIMITS) is CannotPay.PAID
    assert outcome(who, money(36_800, november)) == bill_id(1)


def test_money_of_before_the_bill_pays_what_was_owed_in_its_month_and_nothing_ahead() -> None:
    issued_at, before = wib(2025, 11, 3), wib(2025, 11, 2)
    assert outcome(billed(issued_at, who=member("2025-10")), money(36_800, before)) == bill_id(1)
    ahead = billed(issued_at, who=member("2025-10"), months=2)
    assert outcome(ahead, money(73_600, before)) is CannotPay.EXPIRED


def test_clocks_that_differ_by_seconds_refuse_nobody() -> None:
    issued_at = wib(2025, 11, 3)
    who = billed(issued_at, who=member("2025-10"), months=2)
    assert outcome(who, money(73_600, issued_at - timedelta(seconds=40))) == bill_id(1)
    assert outcome(who, money(73_600, issued_at - timedelta(minutes=6))) is CannotPay.EXPIRED
    at_midnight = billed(wib(2025, 11, 1, 0), who=member("2025-10"))
    before = money(36_800, wib(2025, 11, 1, 0) - timedelta(seconds=1))
    assert outcome(at_midnight, before) is CannotPay.PAID
    quote = Quote(bill_id(1), wib(2025, 11, 1, 0))
    assert outcome(at_midnight, before, quote) == bill_id(1)


def test_a_replaced_bill_is_still_paid_by_money_of_before() -> None:
    who = billed()
    who = folded(who, cancel(who, CancelReason.REPLACED), wib(2025, 10, 8))
    who = billed(wib(2025, 10, 8), 2, who, 3)
    assert outcome(who, money(36_800, wib(2025, 10, 7), received_at=wib(2025, 10, 8))) == bill_id(1)
    assert outcome(who, money(36_800, wib(2025, 10, 9))) is CannotPay.WRONG_AMOUNT
    assert outcome(who, money(110_400, wib(2025, 10, 9))) == bill_id(2)


def test_paying_one_bill_ends_the_other_and_its_months_cannot_be_paid_again() -> None:
    who = billed()
    who = folded(who, cancel(who, CancelReason.REPLACED), wib(2025, 10, 8))
    who = billed(wib(2025, 10, 8), 2, who, 3)
    late = money(36_800, wib(2025, 10, 7), received_at=wib(2025, 10, 9))
    bill = settle(who, late, None, LIMITS)
    assert not isinstance(bill, CannotPay)
    events = post(who, bill, late, payment_id=payment_id(1), now=wib(2025, 10, 9))
    assert [type(e) for e in events] == [ContributionPaid, BillCancelled]
    who = folded(who, events, wib(2025, 10, 9))
    assert who.open_bill is None
    assert outcome(who, money(110_400, wib(2025, 10, 9, 10))) is CannotPay.PAID


def test_a_blocked_payer_pays_nothing() -> None:
    blocked = billed()._replace(blocked=RefusalReason.NIK_TAKEN)
    closed = billed()._replace(blocked=RefusalReason.PARTICIPANT_CLOSED)
    assert outcome(blocked, money(36_800, OCTOBER_6)) is CannotPay.BLOCKED
    assert outcome(closed, money(36_800, OCTOBER_6)) is CannotPay.CLOSED


def posted(who: Payer, reversed_for: str | None = None) -> Posted:
    bill = who.bills[bill_id(1)]
    return Posted(
        payment_id=payment_id(1), bill_id=bill.bill_id, participant_id=who.participant_id, partner="bank-a",
        channel="snap-va", channel_reference="REF-1", amount=bill.amount, months=bill.months,
        effective_at=OCTOBER_6, posted_at=OCTOBER_6, reversed_for=reversed_for,
    )  # fmt: skip


def test_refused_protection_gives_the_month_back_and_blocks_the_payer() -> None:
    who = paid(billed(), 36_800, OCTOBER_6)
    events = refuse_protection(posted(who), RefusalReason.NIK_TAKEN)
    assert events is not None
    who = folded(who, events[:1], wib(2025, 10, 7))
    assert (who.paid, who.blocked) == (frozenset(), "nik_taken")
    assert who.bills[bill_id(1)].status is BillStatus.REVERSED
    assert events[1].amount == 36_800


def test_who_was_reactivated_meanwhile_is_not_blocked() -> None:
    who = paid(billed(), 36_800, OCTOBER_6)
    events = refuse_protection(posted(who), RefusalReason.REACTIVATED_MEANWHILE)
    assert events is not None
    assert folded(who, events[:1], OCTOBER_6).blocked is None


def test_protection_is_refused_once() -> None:
    who = paid(billed(), 36_800, OCTOBER_6)
    assert refuse_protection(posted(who, "protection_refused"), RefusalReason.NIK_TAKEN) is None


def test_a_reactivation_bill_is_of_its_month_alone() -> None:
    who = billed(wib(2026, 2, 20), who=member("2025-10"))
    assert who.bills[bill_id(1)].kind is BillKind.REACTIVATION
    assert outcome(who, money(36_800, wib(2026, 2, 28, 23, 59))) == bill_id(1)
    assert outcome(who, money(36_800, wib(2026, 3, 1, 0))) is CannotPay.EXPIRED
