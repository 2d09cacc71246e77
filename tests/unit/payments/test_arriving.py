"""Where money stands that arrived all the same: its bill, or suspense with a reason (domain.md section 6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from contracts.events.participants import RefusalReason
from contracts.values import BillId
from services.payments.domain.arriving import NEVER_SETTLED, Known, Reason, never_settled, place, seen, suspend
from services.payments.domain.bill import Bill
from services.payments.domain.billing import CancelReason, cancel, expire
from services.payments.domain.next_bill import NextBill
from services.payments.domain.paying import CannotPay, Limits
from tests.unit.payments.strategies import PARTICIPANT, bill_id, money, payment_id, wib
from tests.unit.payments.test_paying import billed, folded, member, paid

LIMITS = Limits()
DAY = wib(2025, 10, 7)


def where(who: object, what: object, hint: object = None) -> object:
    found = place(who, what, hint, LIMITS, bill_id=BillId(bill_id(99)))  # type: ignore[arg-type]
    return found.bill_id if isinstance(found, Bill) else found


def test_the_exact_amount_of_a_payable_bill_pays_it() -> None:
    assert where(billed(), money(36_800, DAY)) == bill_id(1)


def test_each_kind_of_misfit_has_its_reason() -> None:
    cancelled = folded(billed(), cancel(billed(), CancelReason.REPLACED), wib(2025, 10, 6, 12))
    ended = folded(billed(), expire(billed(), wib(2025, 11, 1, 0)), wib(2025, 11, 1, 0))
    blocked = billed()._replace(blocked=RefusalReason.NIK_TAKEN)
    closed = billed()._replace(blocked=RefusalReason.PARTICIPANT_CLOSED)
    late = money(36_800, wib(2025, 11, 2))
    old = money(36_800, DAY, received_at=DAY + timedelta(days=7, seconds=1))
    assert [
        where(billed(), money(36_801, DAY)),
        where(paid(billed(), 36_800, DAY), money(36_800, DAY)),
        where(ended, late),
        where(cancelled, money(36_800, DAY)),
        where(billed(), old),
        where(blocked, money(36_800, DAY)),
        where(closed, money(36_800, DAY)),
    ] == [
        CannotPay.WRONG_AMOUNT,
        CannotPay.PAID,
        CannotPay.EXPIRED,
        Reason.BILL_CANCELLED,
        CannotPay.TOO_OLD,
        CannotPay.BLOCKED,
        CannotPay.CLOSED,
    ]


def test_a_hinted_bill_is_paid_or_none() -> None:
    who = billed(who=member("2025-09"))
    assert where(who, money(36_800, DAY), bill_id(1)) == bill_id(1)
    assert where(who, money(36_800, DAY), bill_id(9)) is CannotPay.EXPIRED


@pytest.mark.parametrize(
    ("reversed_for", "waits", "amount", "expected"),
    [
        (None, False, 36_800, Known.SAME),
        (None, False, 36_801, Known.DIFFERS),
        (NEVER_SETTLED, True, 36_800, Known.SAME),
        (NEVER_SETTLED, True, 1, Known.DIFFERS),
        ("missing_at_bank", False, 36_800, None),
        ("protection_refused", True, 36_800, Known.SAME),
    ],
)
def test_a_receipt_is_known_by_its_reference_and_amount(
    reversed_for: str | None, waits: bool, amount: int, expected: Known | None
) -> None:
    event = suspend(money(36_800, DAY), Reason.UNKNOWN_CODE, payment_id=payment_id(1), participant_id=None)
    booked = replace(never_settled(event, DAY), reversed_for=reversed_for)
    assert seen(booked, waits=waits, money=money(amount, DAY)) is expected


def test_money_in_suspense_says_whose_it_seems_and_why() -> None:
    what = money(5, DAY)
    event = suspend(what, CannotPay.WRONG_AMOUNT, payment_id=payment_id(2), participant_id=PARTICIPANT)
    assert (event.amount, event.reason, event.participant_id, event.bill_id) == (5, "wrong_amount", PARTICIPANT, None)
    assert (event.channel_reference, event.effective_at) == (what.channel_reference, DAY)


def test_a_member_who_owes_pays_what_is_billed_as_it_is_paid() -> None:
    """October is paid, and nobody asked for November's bill."""
    november = wib(2025, 11, 5)
    who = paid(billed(), 36_800, DAY)
    found = place(who, money(36_800, november), None, LIMITS, bill_id=BillId(bill_id(9)))
    assert isinstance(found, NextBill)
    assert [str(charge.month) for charge in found.billed.months] == ["2025-11"]
    assert where(who, money(30_000, november)) is CannotPay.WRONG_AMOUNT
    assert where(who, money(36_800, november), bill_id(1)) is CannotPay.PAID
    assert where(who, money(36_800, wib(2025, 10, 31, 23), received_at=november)) is CannotPay.PAID
    again = billed(november, 2, who)
    cancelled = folded(again, cancel(again, CancelReason.ON_REQUEST), november)
    assert where(cancelled, money(36_800, november + timedelta(hours=1))) is Reason.BILL_CANCELLED
    assert where(who, money(36_800, wib(2026, 2, 5))) is CannotPay.EXPIRED


def test_money_of_a_month_that_is_over_pays_what_was_owed_when_it_came() -> None:
    """A standing order of 30 November that is told of on 2 December: November's, at November's sum (decision 206)."""
    taken, told = wib(2025, 11, 30, 23), wib(2025, 12, 2)
    who = paid(billed(), 36_800, DAY)
    found = place(who, money(36_800, taken, received_at=told), None, LIMITS, bill_id=BillId(bill_id(9)))
    assert isinstance(found, NextBill)
    assert [str(charge.month) for charge in found.billed.months] == ["2025-11"]
    assert found.billed.expires_at == wib(2025, 12, 1, 0)
    assert where(who, money(73_600, taken, received_at=told)) is CannotPay.WRONG_AMOUNT  # December was not owed yet
    asked_since = billed(wib(2025, 12, 1, 9), 2, who)
    assert isinstance(where(asked_since, money(36_800, taken, received_at=told)), NextBill)
    paid_since = paid(asked_since, 73_600, wib(2025, 12, 1, 10))
    assert where(paid_since, money(36_800, taken, received_at=told)) is CannotPay.PAID
    assert where(who, money(36_800, taken, received_at=wib(2025, 12, 8))) is CannotPay.TOO_OLD
