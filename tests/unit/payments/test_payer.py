"""Months owed, lapse and the fold of a payer's events (Perdir 22/2022; domain.md section 6)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.contributions import BillExpired, BillKind
from contracts.sealed import Sealed
from contracts.values import ContributionMonth
from services.payments.domain.payer import Payer, evolve, last_month_paid
from tests.unit.payments.strategies import PARTICIPANT, added, bill_id, months, payer, wib

OCTOBER = ContributionMonth(2025, 10)


def paid(*texts: str) -> Payer:
    return payer()._replace(paid=frozenset(ContributionMonth.parse(text) for text in texts))


def owed(who: Payer, at: datetime) -> list[str]:
    return [str(month) for month in who.months_owed(at)]


def test_a_newcomer_owes_the_current_month_alone() -> None:
    assert owed(payer(), wib(2025, 10, 6)) == ["2025-10"]
    assert payer().kind_at(wib(2025, 10, 6)) is BillKind.FIRST


def test_who_paid_this_month_owes_nothing() -> None:
    assert owed(paid("2025-10"), wib(2025, 10, 31, 23, 59)) == []


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (wib(2025, 11, 1, 0), ["2025-11"]),
        (wib(2025, 12, 15), ["2025-11", "2025-12"]),
        (wib(2026, 1, 31, 23, 59), ["2025-11", "2025-12", "2026-01"]),
    ],
)
def test_arrears_reach_up_to_the_current_month_within_grace(at: datetime, expected: list[str]) -> None:
    assert owed(paid("2025-10"), at) == expected
    assert paid("2025-10").kind_at(at) is BillKind.STANDARD


def test_at_the_lapse_instant_old_arrears_are_no_longer_billed() -> None:
    lapse = wib(2026, 2, 1, 0)
    who = paid("2025-10")
    assert who.lapses_at == lapse
    assert (owed(who, lapse), who.kind_at(lapse)) == (["2026-02"], BillKind.REACTIVATION)
    assert len(owed(who, lapse - timedelta(microseconds=1))) == 3


@pytest.mark.parametrize(
    ("months_paid", "through"),
    [
        ([], None),
        (["2025-06"], "2025-06"),
        (["2025-06", "2025-07", "2025-08"], "2025-08"),
        (["2025-06", "2025-10"], "2025-10"),  # M+4: a new spell
        (["2025-06", "2025-08"], "2025-06"),  # a hole inside grace
    ],
)
def test_the_last_paid_month_stops_at_a_hole_and_starts_again_after_a_lapse(
    months_paid: list[str], through: str | None
) -> None:
    found = last_month_paid(ContributionMonth.parse(text) for text in months_paid)
    assert (str(found) if found else None) == through


def test_each_month_keeps_the_grace_it_was_billed_with() -> None:
    """October of one month of grace, May of the usual three: what another month has says nothing of them."""
    who = paid("2025-10")._replace(graces={OCTOBER: 1})
    assert who.lapses_at == wib(2025, 12, 1, 0)
    assert (owed(who, wib(2025, 11, 30, 23)), owed(who, wib(2025, 12, 1, 0))) == (["2025-11"], ["2025-12"])
    spells = paid("2025-05", "2025-09", "2025-10")._replace(graces={OCTOBER: 1})
    assert spells.paid_through == OCTOBER
    assert last_month_paid([OCTOBER, OCTOBER + 2], {OCTOBER: 1}) == OCTOBER + 2
    assert last_month_paid([OCTOBER, OCTOBER + 4], {OCTOBER: 4}) == OCTOBER


def test_months_asked_for_go_on_after_arrears_without_gap() -> None:
    who = paid("2025-09")
    assert [str(m) for m in who.next_unpaid(wib(2025, 11, 3), 6)] == [
        "2025-10", "2025-11", "2025-12", "2026-01", "2026-02", "2026-03",
    ]  # fmt: skip


@given(st.sets(months, max_size=14), months, st.integers(1, 12))
def test_billed_months_are_unpaid_ordered_and_oldest_first(
    paid_months: set[ContributionMonth], current: ContributionMonth, count: int
) -> None:
    who = payer()._replace(paid=frozenset(paid_months))
    at = current.starts_at + timedelta(days=3)
    due, asked = who.months_owed(at), who.next_unpaid(at, count)
    assert len(asked) == count
    for list_ in (due, asked):
        assert list(list_) == sorted(set(list_))
        assert not set(list_) & paid_months
    assert all(month <= current for month in due)
    assert asked[: len(due)] == due[:count]
    if who.kind_at(at) is not BillKind.STANDARD:
        assert asked[0] >= current  # arrears of an ended spell are never billed
    else:
        assert len(due) <= 3 or who.paid_through is None


def test_an_event_of_an_unknown_payer_is_a_fault_of_the_log() -> None:
    with pytest.raises(LookupError):
        evolve(None, BillExpired(bill_id=bill_id(1), participant_id=PARTICIPANT), wib(2025, 10, 6))


def test_a_forgotten_person_is_added_with_blanks() -> None:
    assert evolve(None, added(payer=Sealed(PARTICIPANT, None)), wib(2025, 10, 6)) is not None
