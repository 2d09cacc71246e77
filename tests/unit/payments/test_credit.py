"""Carry-forward credit: money that is never lost, never doubled, never below zero, and pays JKK and JKM alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.event import Event
from contracts.events.contributions import BillKind, ContributionPaid, CreditedMonth, MonthCharge
from contracts.values import ContributionMonth, FundingSource, Rupiah, Sector
from services.payments.domain.billing import issue
from services.payments.domain.contribution import charge, with_credit
from services.payments.domain.credit import grants, settled_by_credit, standing, taken_back
from services.payments.domain.ledger import transfers
from services.payments.domain.parameters import CONTRIBUTION, DEFAULTS
from services.payments.domain.payer import Payer, evolve
from services.payments.domain.paying import Limits, Posted, is_payable, post, posted, refuse_protection
from tests.unit.payments.strategies import (
    THREE,
    TWO,
    bill_id,
    incomes,
    money,
    months,
    payer,
    payment_id,
    programmes,
    sectors,
    sources,
    wib,
)

OLD, NEW = (one.value for one in CONTRIBUTION.defaults)
JANUARY = ContributionMonth(2026, 1)


def add(who: Payer, event: Event, at: Any) -> Payer:
    after = evolve(who, event, at)
    assert after is not None
    return after


def bought(who: Payer, at: Any, n: int, wanted: int | None = None) -> tuple[Payer, ContributionPaid]:
    """Billed and paid at `at`."""
    outcome = issue(who, now=at, bill_id=bill_id(n), sets=DEFAULTS, months=wanted)
    assert isinstance(outcome, tuple), outcome
    who = add(who, outcome[0], at)
    bill = who.bills[outcome[0].bill_id]
    if bill.amount:
        paid = next(
            e
            for e in post(who, bill, money(bill.amount, at, reference=f"R{n}"), payment_id=payment_id(n), now=at)
            if isinstance(e, ContributionPaid)
        )
    else:
        paid = settled_by_credit(who, bill, payment_id=payment_id(n), now=at)
    return add(who, paid, at), paid


def prepaid(**changes: Any) -> tuple[Payer, Posted]:
    """A driver who paid December to February on 6 December 2025: before the discount was law."""
    who = payer(registration_expires_at=wib(2026, 1, 5), sector=Sector.TRANSPORT, **changes)
    who, paid = bought(who, wib(2025, 12, 6), 1, 3)
    return who, posted(paid)


def granted(who: Payer, payment: Posted) -> Payer:
    for event in grants(who, [payment], NEW):
        who = add(who, event, wib(2025, 12, 22))
    return who


@given(month=months, income=incomes, chosen=programmes, sector=sectors, source=sources, credit=st.integers(0, 500_000))
def test_credit_pays_jkk_and_jkm_alone_and_no_more_than_there_is(
    month: ContributionMonth, income: int, chosen: Any, sector: Sector, source: FundingSource, credit: int
) -> None:
    charges = [
        charge(month + n, income=income, programmes=chosen, sector=sector, funding_source=source, rules=NEW)
        for n in range(3)
    ]
    lowered = list(with_credit(charges, credit))
    used = sum(one.credit for one in lowered)
    assert used == min(credit, sum(one.jkk + one.jkm for one in charges))
    assert all(one.credit <= one.jkk + one.jkm and one.due >= one.jht for one in lowered)
    assert [one.total for one in lowered] == [one.total for one in charges]
    spent = [one.credit == one.jkk + one.jkm for one in lowered]
    assert spent == sorted(spent, reverse=True), "the oldest month is lowered first"


def test_months_paid_before_the_discount_was_law_become_credit_once() -> None:
    who, payment = prepaid(programmes=TWO)
    assert payment.amount == 3 * 16_800
    after = granted(who, payment)
    assert (after.credit, {str(m): c.total for m, c in after.credited.items()}) == (
        16_800,
        {"2026-01": 8_400, "2026-02": 8_400},
    )
    assert grants(after, [payment], NEW) == []


def test_neither_the_states_money_nor_a_later_change_of_the_occupation_gives_credit() -> None:
    who, payment = prepaid(programmes=TWO, funding_source=FundingSource.LOCAL_GOV)
    assert grants(who, [payment], NEW) == []
    who = payer(registration_expires_at=wib(2026, 1, 5), programmes=TWO)
    who, paid = bought(who, wib(2025, 12, 6), 1, 3)
    moved = who._replace(sector=Sector.TRANSPORT)
    assert grants(moved, [posted(paid)], NEW) == []


def test_the_next_bill_is_lowered_and_one_that_is_covered_whole_is_paid_as_it_is_issued() -> None:
    who, payment = prepaid(programmes=TWO)
    who = granted(who, payment)
    who, march = bought(who, wib(2026, 3, 3), 2)
    assert (march.amount, [c.credit for c in march.months], who.credit) == (0, [8_400], 8_400)
    who, april = bought(who, wib(2026, 4, 3), 3, 2)
    assert (april.amount, [c.credit for c in april.months], who.credit) == (8_400, [8_400, 0], 0)


def test_jht_is_always_paid_in_money() -> None:
    who, payment = prepaid(programmes=THREE)
    who = granted(who, payment)
    who, march = bought(who, wib(2026, 3, 3), 2)
    assert (march.amount, march.months[0].credit, who.credit) == (20_000, 8_400, 8_400)


def test_a_bill_whose_credit_was_used_elsewhere_is_payable_no_more() -> None:
    who, payment = prepaid(programmes=THREE)
    who = granted(who, payment)
    at = wib(2026, 3, 3)
    outcome = issue(who, now=at, bill_id=bill_id(2), sets=DEFAULTS)
    assert isinstance(outcome, tuple)
    who = add(who, outcome[0], at)
    bill = who.bills[bill_id(2)]
    assert is_payable(who, bill, at, None, Limits())
    assert not is_payable(who._replace(credit=bill.credit - 1), bill, at, None, Limits())


def test_a_new_spell_is_paid_in_money_and_keeps_the_credit() -> None:
    who, payment = prepaid(programmes=TWO)
    who = granted(who, payment)
    late = wib(2026, 6, 2)
    assert who.kind_at(late) is BillKind.REACTIVATION
    who, paid = bought(who, late, 2)
    assert (paid.amount, who.credit) == (8_400, 16_800)


def test_unused_credit_goes_with_the_payment_it_came_from() -> None:
    who, payment = prepaid(programmes=TWO)
    who = granted(who, payment)
    found = refuse_protection(payment, "nik_taken")
    assert found is not None
    back = taken_back(who, found[0])
    assert (back[0].amount, [event.amount for event in back[1:]]) == (payment.amount, [16_800])
    for event in back:
        who = add(who, event, wib(2026, 2, 1))
    assert (who.credit, who.credited, who.paid) == (0, {}, frozenset())


def test_used_credit_stays_out_of_what_goes_back() -> None:
    who, payment = prepaid(programmes=TWO)
    who = granted(who, payment)
    who, _ = bought(who, wib(2026, 3, 3), 2)
    found = refuse_protection(payment, "nik_taken")
    assert found is not None
    back = taken_back(who, found[0])
    assert (back[0].amount, [event.amount for event in back[1:]]) == (payment.amount - 8_400, [8_400])
    for event in back:
        who = add(who, event, wib(2026, 3, 4))
    assert who.credit == 0


@settings(max_examples=60)
@given(
    chosen=programmes,
    prepay=st.sampled_from([1, 2, 3, 6, 12]),
    later=st.lists(st.tuples(st.integers(0, 40), st.sampled_from([None, 1, 2, 3, 6])), max_size=5),
    back=st.lists(st.integers(0, 5), max_size=4),
)
def test_no_rupiah_of_credit_is_lost_or_made(
    chosen: Any, prepay: int, later: list[tuple[int, int | None]], back: list[int]
) -> None:
    """Whatever is bought and taken back: the account is the payer's credit, and every account holds what its months cost."""
    who = payer(registration_expires_at=wib(2026, 1, 5), sector=Sector.TRANSPORT, programmes=chosen)
    at, events, payments = wib(2025, 12, 6), list[Event](), list[Posted]()
    who, paid = bought(who, at, 1, prepay)
    events.append(paid)
    payments.append(posted(paid))
    for grant in grants(who, payments, NEW):
        who, events = add(who, grant, at), [*events, grant]
    for n, (days, wanted) in enumerate(later, start=2):
        at += timedelta(days=days)
        if wanted is None and not who.months_owed(at):
            continue
        who, paid = bought(who, at, n, wanted)
        events.append(paid)
        payments.append(posted(paid))
    for index in back:
        if index >= len(payments):
            continue
        found = refuse_protection(payments.pop(index), "reactivated_meanwhile")
        assert found is not None
        for one in taken_back(who, found[0]):
            who, events = add(who, one, at), [*events, one]
        assert who.credit >= 0
    balance: defaultdict[str, int] = defaultdict(int)
    for event in events:
        for line in transfers(event):
            balance[line.debit] += line.amount
            balance[line.credit] -= line.amount
    assert -balance["carry-forward"] == who.credit
    held = [c for payment in payments for c in standing(who, payment.months)]
    for account, part in (("contributions:jkk", "jkk"), ("contributions:jkm", "jkm"), ("contributions:jht", "jht")):
        assert -balance[account] == sum(getattr(c, part) for c in held), account
    assert balance["clearing:bank-a"] == -sum(v for k, v in balance.items() if k != "clearing:bank-a")


def test_a_month_says_what_is_due_beside_what_it_costs() -> None:
    plain = MonthCharge(
        month=JANUARY, base=Rupiah(1_000_000), jkk=Rupiah(5_000), jkm=Rupiah(3_400), jht=Rupiah(0), discounted=True
    )
    lowered = plain.model_copy(update={"credit": Rupiah(8_000)})
    assert (plain.due, lowered.total, lowered.due) == (8_400, 8_400, 400)
    assert CreditedMonth(month=JANUARY, jkk=Rupiah(5_000), jkm=Rupiah(3_400)).total == 8_400
