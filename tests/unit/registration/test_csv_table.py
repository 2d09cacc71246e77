"""CSV as people save it, and the files that are refused as a whole."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.imports.csv_table import CsvTable
from services.registration.imports.problems import (
    COLUMN_DOUBLED,
    COLUMN_MISSING,
    COLUMN_UNKNOWN,
    FILE_EMPTY,
    FILE_ENCODING,
    FILE_NOT_A_TABLE,
    FILE_QUOTE,
    TOO_MANY_ROWS,
)
from services.registration.imports.table import TableRefused
from tests.unit.registration.tables import HEADER, cells, csv_bytes


def names(content: bytes) -> list[tuple[int, object] | None]:
    return [(line.number, line.cells["name"]) if line else None for line in CsvTable(content).lines()]


def refused(content: bytes, most: int = 10) -> tuple[object, dict[str, str]]:
    with pytest.raises(TableRefused) as found:
        CsvTable(content).count(most)
    return found.value.rejected.problem, dict(found.value.rejected.values)


PLAIN = csv_bytes(cells(name="A"), cells(name="B"))


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        b"\xef\xbb\xbf" + PLAIN,
        ("\ufeff" + PLAIN.decode()).encode("utf-16-le"),
        ("\ufeff" + PLAIN.decode()).encode("utf-16-be"),
        csv_bytes(cells(name="A"), cells(name="B"), separator=";"),
        csv_bytes(cells(name="A"), cells(name="B"), separator="\t"),
        csv_bytes(cells(name="A"), cells(name="B"), end="\r\n"),
        csv_bytes(cells(name="A"), cells(name="B"), end="\r"),
        PLAIN.rstrip(b"\n"),
    ],
    ids=["plain", "bom", "utf16le", "utf16be", "semicolons", "tabs", "crlf", "cr", "no-final-newline"],
)
def test_each_way_of_saving_is_read_the_same(content: bytes) -> None:
    assert names(content) == [(2, "A"), (3, "B")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_header_in_quotation_marks_does_not_hide_the_separator(separator: str) -> None:
    sheet = io.StringIO()
    csv.writer(sheet, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([HEADER, cells(name="A, B; C")])
    assert names(sheet.getvalue().encode()) == [(2, "A, B; C")]


def test_quoted_separators_and_line_breaks_belong_to_the_cell() -> None:
    row = ",".join(cells(name='"Siti ""Ati"", SPd"', address='"Jalan 1\r\nCimone"'))
    content = csv_bytes() + row.encode() + b"\n" + csv_bytes(cells(name="B")).split(b"\n", 1)[1]
    lines = [line for line in CsvTable(content).lines() if line]
    assert [(line.number, line.cells["name"]) for line in lines] == [(2, 'Siti "Ati", SPd'), (4, "B")]
    assert lines[0].cells["address"] == "Jalan 1 Cimone"


def test_blank_lines_are_told_and_do_not_shift_the_numbers() -> None:
    content = b"\n" + csv_bytes(cells(name="A")) + b"\n" + b",,,\n" + ",".join(cells(name="B")).encode()
    assert names(content) == [(3, "A"), None, None, (6, "B")]
    assert CsvTable(content).count(2) == 2


def test_header_names_are_taken_without_regard_to_case_and_blanks() -> None:
    assert names(csv_bytes(cells(name="A"), header=[f" {name.replace('_', ' ').title()} " for name in HEADER])) == [
        (2, "A")
    ]


def test_short_rows_have_empty_cells_and_long_rows_say_so() -> None:
    short, long_ = (line for line in CsvTable(csv_bytes(cells()[:3], [*cells(), "x"])).lines() if line)
    assert (short.cells["income"], short.beyond) == (None, False)
    assert long_.beyond


class TestRefusedAsAWhole:
    def test_unknown_encoding_names_the_line(self) -> None:
        assert refused(csv_bytes(cells()) + b"\xe9") == (FILE_ENCODING, {"line": "3"})

    def test_binary_names_the_line(self) -> None:
        assert refused(csv_bytes(cells()) + b"a\0b") == (FILE_NOT_A_TABLE, {"line": "3"})

    def test_an_unclosed_quotation_mark_names_the_line_where_it_begins(self) -> None:
        content = csv_bytes(cells(), ['"' + cells()[0], *cells()[1:]], cells(), cells())
        assert refused(content) == (FILE_QUOTE, {"line": "3"})

    def test_however_much_follows_it(self) -> None:
        assert refused(csv_bytes(cells()) + b'"' + b"x\n" * 200_000) == (FILE_QUOTE, {"line": "3"})

    def test_a_missing_column_is_named(self) -> None:
        assert refused(csv_bytes(cells()[1:], header=HEADER[1:])) == (COLUMN_MISSING, {"column": "nik"})

    def test_a_doubled_column_is_named(self) -> None:
        assert refused(csv_bytes([*cells(), "x"], header=[*HEADER, "name"])) == (COLUMN_DOUBLED, {"column": "name"})

    def test_an_unknown_column_is_told_by_position_alone(self) -> None:
        """Without a header the first row is a person."""
        assert refused(csv_bytes(header=cells())) == (COLUMN_UNKNOWN, {"position": "1"})

    @pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf"])
    def test_nothing_at_all(self, content: bytes) -> None:
        assert refused(content) == (FILE_EMPTY, {"line": "1"})

    def test_a_header_without_rows(self) -> None:
        assert refused(csv_bytes())[0] is FILE_EMPTY

    def test_too_many_rows(self) -> None:
        assert refused(csv_bytes(cells(), cells(), cells()), most=2) == (TOO_MANY_ROWS, {"most": "2", "line": "4"})


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=20), max_size=5)
)
def test_what_a_csv_writer_wrote_is_read_back(given_names: list[str]) -> None:
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(HEADER)
    for name in given_names:
        writer.writerow(cells(name=name))
    assert [line.cells["name"] for line in CsvTable(sheet.getvalue().encode()).lines() if line] == given_names


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        CsvTable(content).count(100)
    except TableRefused:
        return
