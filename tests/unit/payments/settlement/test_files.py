"""A file is refused as a whole when it is cut off, of another partner or day, or does not add up; an odd line stops nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.events.reconciliation import SettlementLayout
from services.payments.domain.settlement import faults
from services.payments.domain.settlement.days import window
from services.payments.domain.settlement.faults import FileRefused
from services.payments.domain.settlement.files import PART_LINES, Checked, check, read_part
from services.payments.domain.settlement.lines import Listed, Unreadable
from tests.support.settlement import DAY, MARKED, TITLED, marked

ACCOUNT = "81008800000000001"
ONE, TWO = ("REQ-1", ACCOUNT, 36_800, 1_000), ("REQ-2", ACCOUNT, 16_800)


def checked(content: bytes, layout: SettlementLayout = MARKED, day: date = DAY, most: int = 100_000) -> Checked:
    return check(content, layout, day, most_lines=most)


def refusal(content: bytes, layout: SettlementLayout = MARKED, **more: Any) -> tuple[str, dict[str, str]]:
    with pytest.raises(FileRefused) as refused:
        checked(content, layout, **more)
    rejected = refused.value.rejected
    return rejected.problem.code, dict(rejected.values)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_good_file_is_counted_and_cut_without_losing_a_byte(end: str) -> None:
    content = marked(ONE, TWO, end=end)
    found = checked(content)
    assert (found.lines, found.amount, found.fees) == (2, 53_600, 1_000)
    assert b"".join([found.before.content, *(p.content for p in found.parts), found.after.content]) == content
    (part,) = found.parts
    assert [line.line for line in read_part(part, MARKED, DAY)] == [2, 3]


@given(lines=st.integers(0, 30), blanks=st.lists(st.integers(0, 32), max_size=5), size=st.integers(1, 7))
def test_parts_hold_every_line_once_under_its_number(lines: int, blanks: list[int], size: int) -> None:
    raw = marked(*((f"R{n}", ACCOUNT, 1_000 + n) for n in range(lines))).decode().splitlines()
    for place in blanks:
        raw.insert(min(place, len(raw)), " ")
    content = "\n".join(raw).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.payments.domain.settlement.files.PART_LINES", size)
        found = checked(content)
    assert b"".join([found.before.content, *(p.content for p in found.parts), found.after.content]) == content
    read = [line for part in found.parts for line in read_part(part, MARKED, DAY)]
    assert [line.reference for line in read if isinstance(line, Listed)] == [f"R{n}" for n in range(lines)]
    assert all(raw[line.line - 1].startswith("D,") for line in read)
    assert len(found.parts) == -(-lines // size)


def test_a_day_without_payments_is_a_file_too() -> None:
    found = checked(marked())
    assert (found.lines, found.parts, found.amount) == (0, (), 0)


def test_an_empty_file_is_refused() -> None:
    assert refusal(b"\n \r\n")[0] == "settlement_file_empty"


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (marked(ONE, partner="81002"), "settlement_of_other_partner", "1"),
        (marked(ONE, day=date(2025, 10, 7)), "settlement_of_other_day", "1"),
        (marked(ONE, TWO, trailer=False), "settlement_file_truncated", "3"),
        (marked(ONE, TWO)[:-20], "settlement_file_truncated", "4"),
        (marked(ONE, TWO, count=3), "settlement_count_differs", "4"),
        (marked(ONE, TWO, amount=53_601), "settlement_total_differs", "4"),
        (marked(ONE, TWO) + b"D,more\n", "settlement_file_truncated", "5"),
        (b"X" + marked(ONE), "settlement_header_unreadable", "1"),
        (marked(ONE)[1:], "settlement_header_unreadable", "1"),
        (marked(ONE).replace(b"REQ", b"R\xff"), "settlement_file_not_text", "2"),
        (marked(ONE).replace(b"REQ", b"R\0"), "settlement_file_not_text", "2"),
        ("H,81001,2025-10-06\n".encode("utf-16"), "settlement_file_not_text", "1"),
        (b"H,81001,2025-10-06\n", "settlement_file_truncated", "1"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_with_the_line_that_shows_it(content: bytes, code: str, line: str) -> None:
    found, values = refusal(content)
    assert (found, values["line"]) == (code, line)


def test_a_file_that_was_cut_off_anywhere_is_refused_or_lost_nothing() -> None:
    content = marked(ONE, TWO)
    refused = 0
    for length in range(len(content)):
        try:
            found = checked(content[:length])
        except FileRefused:
            refused += 1
        else:
            assert (found.lines, found.amount, found.fees) == (2, 53_600, 1_000)
    assert refused >= len(content) - len(b".00\n")


def test_a_line_that_cannot_be_read_does_not_stop_the_file() -> None:
    content = marked(ONE, "D,nonsense", TWO)
    found = checked(content.replace(b"T,3,53600", b"T,3,60000"))
    read = read_part(found.parts[0], MARKED, DAY)
    assert [type(line) for line in read] == [Listed, Unreadable, Listed]
    assert (found.lines, found.amount) == (3, 53_600)


def test_even_with_an_unreadable_line_the_trailer_is_no_less_than_the_others() -> None:
    assert refusal(marked(ONE, "D,nonsense", amount=36_799))[0] == "settlement_total_differs"


def test_more_lines_than_are_taken_are_refused() -> None:
    assert refusal(marked(ONE, TWO), most=1) == ("settlement_too_many_lines", {"most": "1", "line": "3"})


def spreadsheet(*lines: str) -> bytes:
    return "\n".join(["Waktu;No VA;Referensi;Nominal;Keterangan", *lines, ""]).encode("cp1252")


def test_a_file_without_header_is_known_by_its_titles_and_times() -> None:
    line = "05/10/2025 22:30:00;81008800000000001;778;36.800,00;“iuran”"
    assert checked(spreadsheet(line), TITLED).lines == 1
    assert refusal(spreadsheet(line), TITLED, day=date(2025, 10, 5))[0] == "settlement_of_other_day"
    moved = spreadsheet(line).replace(b"Waktu;No VA", b"No VA;Waktu")
    assert refusal(moved, TITLED) == ("settlement_titles_differ", {"line": "1"})


def test_without_a_header_all_lines_of_another_partner_are_refused_and_one_is_not() -> None:
    layout = MARKED.model_copy(update={"header": (), "header_mark": ""})
    content = b"".join(marked(ONE, TWO).splitlines(keepends=True)[1:])
    assert refusal(content.replace(b"81001", b"81002"), layout)[0] == "settlement_of_other_partner"
    assert refusal(content.replace(b",2025-10-06,", b",2025-10-07,"), layout)[0] == "settlement_of_other_day"
    assert checked(content.replace(b"81001", b"81002", 1), layout).lines == 2


class TestWindow:
    def test_without_a_cut_off_it_is_the_calendar_day(self) -> None:
        start, end = window(MARKED, DAY)
        assert start == datetime(2025, 10, 5, 17, tzinfo=UTC)
        assert end - start == timedelta(days=1)

    def test_a_cut_off_ends_the_day_on_its_own_date(self) -> None:
        start, end = window(TITLED, DAY)  # 22:00 in Makassar is 14:00 UTC
        assert (start, end) == (datetime(2025, 10, 5, 14, tzinfo=UTC), datetime(2025, 10, 6, 14, tzinfo=UTC))

    @given(st.dates(date(2020, 1, 1), date(2040, 1, 1)), st.sampled_from([MARKED, TITLED]))
    def test_days_follow_each_other_without_gap_or_overlap(self, day: date, layout: SettlementLayout) -> None:
        assert window(layout, day).end == window(layout, day + timedelta(days=1)).start


def test_every_refusal_speaks_both_languages() -> None:
    values = dict.fromkeys(("line", "encoding", "reason", "told", "found", "what", "day", "most", "first", "last"), "1")
    for problem in faults.FAULTS:
        assert problem.id.format_map(values) != problem.en.format_map(values)


def test_a_part_is_a_thousand_lines() -> None:
    found = checked(marked(*((f"R{n}", ACCOUNT, 1_000) for n in range(2_001))))
    assert (PART_LINES, len(found.parts)) == (1_000, 3)
