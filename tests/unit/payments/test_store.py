from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contracts.values import ContributionMonth
from services.payments.store import charges_json, charges_of, months_of, stretches
from tests.unit.payments.strategies import months, payer, wib
from tests.unit.payments.test_billing import issued


@given(st.frozensets(months, max_size=30))
def test_paid_months_survive_their_row(paid: frozenset[ContributionMonth]) -> None:
    found = stretches(paid)
    assert months_of(found) == paid
    assert found == sorted(found)


def test_unbroken_months_are_one_stretch() -> None:
    paid = [ContributionMonth(2025, 11) + n for n in (0, 1, 2, 5)]
    assert stretches(paid) == [["2025-11", "2026-01"], ["2026-04", "2026-04"]]


def test_charges_survive_their_column() -> None:
    _, bill = issued(payer(), wib(2025, 10, 6), months=3)
    assert charges_of(charges_json(bill.months)) == bill.months
