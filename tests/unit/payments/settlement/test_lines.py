"""A line gives a payment or the reason why it cannot be read; nothing that stands in one breaks the reader."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.events.reconciliation import DecimalMark, SettlementLayout, ThousandsMark
from services.payments.domain.settlement.lines import LineFault, Listed, Unreadable, moment, read_line, rupiah
from tests.support.settlement import DAY, MARKED, TITLED

GOOD = "D,81001,2025-10-06,81008800000000001,REQ-1,000000000001,36800.00,1500.00,2025-10-06T09:00:00+07:00"


def test_a_line_of_the_canonical_layout_is_read() -> None:
    assert read_line(2, GOOD, MARKED, DAY) == Listed(
        2, "REQ-1", "000000000001", "81008800000000001", 36_800, 1_500, datetime(2025, 10, 6, 2, tzinfo=UTC)
    )


def test_a_line_of_a_spreadsheet_in_another_zone_is_read() -> None:
    found = read_line(2, "06/10/2025 09:00:00;81008800000000001;778;1.036.800,00;iuran\n", TITLED, DAY)
    assert found == Listed(2, None, "778", "81008800000000001", 1_036_800, 0, datetime(2025, 10, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("D,", "X,"), "mark_unknown"),
        (("81001", "81002"), "partner_differs"),
        (("2025-10-06,", "2025-10-07,"), "day_differs"),
        (("2025-10-06,", "6 Oct,"), "day_unreadable"),
        (("81008800000000001", "8100-88"), "virtual_account_unreadable"),
        (("REQ-1", "REQ 1"), "reference_unreadable"),
        (("REQ-1", "R" * 129), "reference_unreadable"),
        (("REQ-1,000000000001", ","), "reference_unreadable"),
        (("36800.00", "36800.50"), "amount_unreadable"),
        (("36800.00", "-36800.00"), "amount_unreadable"),
        (("36800.00", "0.00"), "amount_unreadable"),
        (("36800.00", "36.800"), "amount_unreadable"),
        (("36800.00", "USD 3"), "amount_unreadable"),
        (("36800.00", "٣٦٨٠٠"), "amount_unreadable"),
        (("36800.00", "9" * 16), "amount_unreadable"),
        (("1500.00", "x"), "fee_unreadable"),
        (("1500.00", "36801"), "fee_unreadable"),
        (("2025-10-06T09:00:00+07:00", "2025-13-06T09:00:00+07:00"), "paid_at_unreadable"),
        ((",1500.00", ""), "columns_missing"),
        (("+07:00", "+07:00,more"), "columns_unknown"),
        (("REQ-1", '"REQ-1'), "quotes_unreadable"),
    ],
)
def test_what_is_wrong_is_told_by_its_column(change: tuple[str, str], reason: str) -> None:
    found = read_line(7, GOOD.replace(*change, 1), MARKED, DAY)
    assert isinstance(found, Unreadable)
    assert (found.line, found.reason) == (7, reason)


def test_an_unreadable_line_keeps_the_amount_that_can_be_read() -> None:
    found = read_line(7, GOOD.replace("REQ-1", "REQ 1"), MARKED, DAY)
    assert found == Unreadable(7, "reference_unreadable", 36_800, 1_500)


def test_quotation_marks_hold_separators() -> None:
    found = read_line(2, GOOD.replace("000000000001", '"000,001"'), MARKED, DAY)
    assert isinstance(found, Listed)
    assert found.own_reference == "000,001"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    for layout in (MARKED, TITLED):
        assert read_line(1, text, layout, DAY).line == 1


@given(st.integers(0, 10**15 - 1), st.sampled_from(ThousandsMark), st.sampled_from(DecimalMark))
def test_an_amount_that_was_written_is_read_back(amount: int, thousands: ThousandsMark, decimal: DecimalMark) -> None:
    assume(str(thousands) != str(decimal))
    layout = TITLED.model_copy(update={"thousands_mark": thousands, "decimal_mark": decimal})
    grouped = f"{amount:,}".replace(",", thousands)
    for text in (str(amount), grouped, f"{grouped}{decimal}00", f"{amount}{decimal}0"):
        assert rupiah(text, layout, "amount") == amount


@pytest.mark.parametrize("text", ["1.0000", "1.00.000", ".000", "1.000.", "12.00,00", "", "1,5", "1.000,001"])
def test_marks_stand_where_they_may(text: str) -> None:
    with pytest.raises(LineFault):
        rupiah(text, TITLED, "amount")


def test_an_offset_in_the_file_wins_over_the_zone_of_the_layout() -> None:
    layout: SettlementLayout = MARKED.model_copy(update={"time_zone": "Asia/Jayapura"})
    assert moment("2025-10-06T09:00:00Z", layout) == datetime(2025, 10, 6, 9, tzinfo=UTC)
    assert moment("2025-10-06T09:00:00", layout) == datetime(2025, 10, 6, 0, tzinfo=UTC)
