from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import ContributionMonth, Language
from services.notifications.domain.wording import last_day_before, long_date, long_month, rupiah, span

ID, EN = Language.INDONESIAN, Language.ENGLISH


@pytest.mark.parametrize(
    ("amount", "indonesian", "english"),
    [
        (0, "Rp0", "Rp0"),
        (999, "Rp999", "Rp999"),
        (36_800, "Rp36.800", "Rp36,800"),
        (1_840_000, "Rp1.840.000", "Rp1,840,000"),
    ],
)
def test_rupiah_are_grouped_by_thousands_as_the_language_does(amount: int, indonesian: str, english: str) -> None:
    assert (rupiah(amount, ID), rupiah(amount, EN)) == (indonesian, english)


@given(st.integers(min_value=0, max_value=2**53 - 1))
def test_no_rupiah_is_lost_in_writing(amount: int) -> None:
    for language in Language:
        text = rupiah(amount, language)
        assert int(text.removeprefix("Rp").replace(".", "").replace(",", "")) == amount


def test_dates_are_written_out_in_the_language() -> None:
    assert long_date(date(2025, 10, 31), ID) == "31 Oktober 2025"
    assert long_date(date(2025, 10, 31), EN) == "31 October 2025"


def test_every_month_has_its_indonesian_name() -> None:
    names = [long_month(ContributionMonth(2026, month), ID).removesuffix(" 2026") for month in range(1, 13)]
    assert " ".join(names) == ("Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember")


def test_a_span_of_one_month_is_that_month() -> None:
    assert span(ContributionMonth(2025, 10), ContributionMonth(2025, 10), ID) == "Oktober 2025"


def test_a_span_names_its_first_and_last_month() -> None:
    assert span(ContributionMonth(2025, 11), ContributionMonth(2026, 1), EN) == "November 2025 – January 2026"


@pytest.mark.parametrize(
    ("exclusive_end", "day"),
    [
        (datetime(2025, 10, 31, 17, tzinfo=UTC), date(2025, 10, 31)),  # 24:00 WIB of 31 October
        (datetime(2025, 10, 31, 16, 59, tzinfo=UTC), date(2025, 10, 31)),
        (datetime(2025, 10, 31, 17, 1, tzinfo=UTC), date(2025, 11, 1)),
    ],
)
def test_the_last_day_is_the_wib_day_before_the_exclusive_end(exclusive_end: datetime, day: date) -> None:
    assert last_day_before(exclusive_end) == day


@given(st.integers(2000, 2100), st.integers(1, 12))
def test_the_last_day_of_a_month_lies_in_it(year: int, month: int) -> None:
    this = ContributionMonth(year, month)
    last = last_day_before(this.ends_at)
    assert (last.year, last.month) == (year, month)
    assert last_day_before((this + 1).ends_at) > last
