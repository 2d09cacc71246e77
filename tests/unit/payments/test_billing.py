from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.contributions import BillCancelled, BillExpired, BillKind, ContributionBilled
from contracts.events.participants import RefusalReason
from contracts.values import ContributionMonth
from services.payments.domain.billing import CancelReason, CannotBill, cancel, end, expire, issue
from services.payments.domain.parameters import DEFAULTS
from services.payments.domain.payer import Payer, evolve
from tests.unit.payments.strategies import TWO, bill_id, incomes, payer, wib


def issued(who: Payer, at: datetime, n: int = 1, months: int | None = None) -> tuple[Payer, ContributionBilled]:
    outcome = issue(who, now=at, bill_id=bill_id(n), months=months, sets=DEFAULTS)
    assert isinstance(outcome, tuple), outcome
    after = evolve(who, outcome[0], at)
    assert after is not None
    return after, outcome[0]


def test_a_first_bill_holds_the_current_month_and_ends_with_it() -> None:
    _, bill = issued(payer(), wib(2025, 10, 6))
    assert (bill.kind, [str(c.month) for c in bill.months], bill.amount) == (BillKind.FIRST, ["2025-10"], 36_800)
    assert bill.expires_at == wib(2025, 11, 1, 0)


def test_a_bill_names_the_rules_of_its_day_and_tests_the_discount_on_its_months() -> None:
    for day, version, amount in (
        (wib(2025, 12, 21, 23), "bpu-contribution/2015-07", 16_800 * 6),
        (wib(2025, 12, 22, 0), "bpu-contribution/2025-12", 16_800 * 4 + 8_400 * 2),
    ):
        two = payer(programmes=TWO, registration_expires_at=wib(2026, 1, 20))
        outcome = issue(two, now=day, bill_id=bill_id(1), months=6, sets=DEFAULTS)
        assert isinstance(outcome, tuple)
        assert (outcome[1].version, outcome[0].amount) == (version, amount)


@given(st.sampled_from([1, 2, 3, 6, 12]), incomes)
def test_a_bill_is_the_sum_of_its_months(count: int, income: int) -> None:
    _, bill = issued(payer(income=income), wib(2025, 10, 6), months=count)
    assert len(bill.months) == count
    assert bill.amount == sum(c.jkk + c.jkm + c.jht for c in bill.months)


@pytest.mark.parametrize(
    ("blocked", "paid", "at", "expected"),
    [
        (RefusalReason.NIK_TAKEN, (), wib(2025, 10, 6), CannotBill.BLOCKED),
        (RefusalReason.PARTICIPANT_CLOSED, ("2025-09",), wib(2025, 10, 6), CannotBill.CLOSED),
        (None, ("2025-10",), wib(2025, 10, 6), CannotBill.NOTHING_OWED),
        (None, (), wib(2025, 11, 5), CannotBill.REGISTRATION_EXPIRED),
    ],
)
def test_no_bill_is_issued_when(blocked: str | None, paid: tuple[str, ...], at: datetime, expected: CannotBill) -> None:
    who = payer()._replace(blocked=blocked, paid=frozenset(map(ContributionMonth.parse, paid)))
    assert issue(who, now=at, bill_id=bill_id(1), sets=DEFAULTS) == expected


def test_a_registration_that_expired_after_its_first_payment_is_billed_like_any_other() -> None:
    who = payer()._replace(paid=frozenset({ContributionMonth(2025, 10)}))
    assert issued(who, wib(2025, 11, 20))[1].kind is BillKind.STANDARD


def test_an_open_bill_ends_as_expired_after_its_time_and_as_cancelled_before() -> None:
    who, _ = issued(payer(), wib(2025, 10, 6))
    assert expire(who, wib(2025, 10, 31, 23, 59)) == ()
    assert [type(e) for e in end(who, wib(2025, 11, 1, 0), CancelReason.LAPSED)] == [BillExpired]
    assert [type(e) for e in end(who, wib(2025, 10, 31), CancelReason.LAPSED)] == [BillCancelled]
    assert cancel(payer(), CancelReason.LAPSED) == ()
