"""Value types: months in WIB, money that fits every JSON reader, identifiers that are text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts.values import Amount, Code, ContributionMonth, Instant, Kpj, Nik, NikHash, Phone

months = st.builds(ContributionMonth, st.integers(2000, 2500), st.integers(1, 12))
steps = st.integers(-500, 500)


class TestMonth:
    @given(months)
    def test_text_and_json_come_back(self, month: ContributionMonth) -> None:
        adapter = TypeAdapter(ContributionMonth)
        assert ContributionMonth.parse(str(month)) == month
        assert adapter.validate_json(adapter.dump_json(month)) == month

    @given(months, steps, steps)
    def test_adding_months_is_arithmetic(self, month: ContributionMonth, first: int, second: int) -> None:
        assert month + first + second == month + (first + second)
        assert (month + first) - month == first

    @given(months, months)
    def test_order_is_that_of_time(self, one: ContributionMonth, other: ContributionMonth) -> None:
        assert (one < other) == (one.starts_at < other.starts_at)
        assert (one == other) == (hash(one) == hash(other))

    @given(months)
    def test_month_is_half_open_in_wib(self, month: ContributionMonth) -> None:
        second = timedelta(seconds=1)
        assert ContributionMonth.of(month.starts_at) == month == ContributionMonth.of(month.ends_at - second)
        assert ContributionMonth.of(month.ends_at) == month + 1
        assert ContributionMonth.of(month.starts_at - second) == month + -1

    @given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    def test_every_instant_lies_in_its_month(self, instant: datetime) -> None:
        month = ContributionMonth.of(instant)
        assert month.starts_at <= instant < month.ends_at
        local = instant.astimezone(ZoneInfo("Asia/Jakarta"))
        assert (month.year, month.month) == (local.year, local.month)

    def test_evening_in_london_is_next_month_in_jakarta(self) -> None:
        assert ContributionMonth.of(datetime(2025, 9, 30, 17, 0, tzinfo=UTC)) == ContributionMonth(2025, 10)

    @pytest.mark.parametrize(
        "text",
        ["", "2025", "2025-1", "2025-00", "2025-13", "25-01", "2025/01", "2025-01-01", "٢٠٢٥-٠١", " 2025-1", "-025-01"],
    )
    def test_other_text_is_no_month(self, text: str) -> None:
        with pytest.raises(ValueError, match="month"):
            ContributionMonth.parse(text)
        with pytest.raises(ValidationError):
            TypeAdapter(ContributionMonth).validate_python(text)


CASES: list[tuple[Any, list[Any], list[Any]]] = [
    (Amount, [0, 36_800, 2**53 - 1], [-1, 2**53, 1.0, "1", True, None]),
    (Nik, ["3671015501900001"], ["367101550190000", "36710155019000011", "36710155O1900001", "٣٦٧١٠١٥٥٠١٩٠٠٠٠١", ""]),
    (NikHash, ["0" * 64], ["0" * 63, "G" * 64, "A" * 64]),
    (Kpj, ["24000000017"], ["2400000001", "240000000177"]),
    (Phone, ["+6281234567890"], ["081234567890", "+0812345678", "+62 812", "6281234567890"]),
    (Code, ["nik_taken", "a"], ["Nik", "", "1a", "nik-taken", "a" * 65]),
    (Instant, [datetime(2025, 1, 1, tzinfo=UTC)], [datetime(2025, 1, 1), None]),  # noqa: DTZ001
]


@pytest.mark.parametrize(("kind", "good"), [(kind, value) for kind, goods, _ in CASES for value in goods])
def test_good_value_is_taken_as_it_is(kind: Any, good: object) -> None:
    assert TypeAdapter(kind).validate_python(good) == good


@pytest.mark.parametrize(("kind", "bad"), [(kind, value) for kind, _, bads in CASES for value in bads])
def test_bad_value_is_refused(kind: Any, bad: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(bad)


@pytest.mark.parametrize("text", ["3671015501900001\n", "24000000017\n"])
def test_pattern_does_not_forgive_a_line_feed_at_the_end(text: str) -> None:
    for kind in (Nik, Kpj):
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(text)
