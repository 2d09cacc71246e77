from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain.calendar import completed_years, day_ends_at, day_starts_at, wib_date

BIRTHS = st.dates(date(1900, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("birth_date", "on", "age"),
    [
        (date(1990, 3, 4), date(2025, 3, 3), 34),
        (date(1990, 3, 4), date(2025, 3, 4), 35),
        (date(2004, 2, 29), date(2025, 2, 28), 20),
        (date(2004, 2, 29), date(2025, 3, 1), 21),
        (date(2004, 2, 29), date(2024, 2, 29), 20),
        (date(2025, 10, 6), date(2025, 10, 6), 0),
    ],
)
def test_age_turns_on_the_birthday(birth_date: date, on: date, age: int) -> None:
    assert completed_years(birth_date, on) == age


@given(BIRTHS, st.integers(0, 40_000))
def test_age_never_falls_and_rises_by_one_a_year(birth_date: date, days: int) -> None:
    on = birth_date + timedelta(days=days)
    grown = completed_years(birth_date, on + timedelta(days=1)) - completed_years(birth_date, on)
    assert grown in (0, 1)
    assert completed_years(birth_date, on) == pytest.approx(days / 365.25, abs=1.01)


def test_a_business_day_begins_at_midnight_in_jakarta() -> None:
    assert wib_date(datetime(2025, 10, 5, 16, 59, 59, tzinfo=UTC)) == date(2025, 10, 5)
    assert wib_date(datetime(2025, 10, 5, 17, 0, tzinfo=UTC)) == date(2025, 10, 6)
    assert day_starts_at(date(2025, 10, 6)) == datetime(2025, 10, 5, 17, 0, tzinfo=UTC)


@given(st.integers(1656633600, 2208988800).map(lambda s: datetime.fromtimestamp(s, UTC)))
def test_every_instant_lies_within_its_day(instant: datetime) -> None:
    day = wib_date(instant)
    assert day_starts_at(day) <= instant < day_ends_at(day)
