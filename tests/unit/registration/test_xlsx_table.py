"""XLSX: cells as spreadsheets type them, and the files that are refused as a whole."""

from __future__ import annotations

import io
import time
import tracemalloc
import zipfile
from datetime import date, datetime

import pytest

from services.registration.imports.problems import (
    COLUMN_MISSING,
    FILE_EMPTY,
    FILE_NOT_A_TABLE,
    FILE_UNPACKS_TOO_LARGE,
    TOO_MANY_ROWS,
)
from services.registration.imports.table import TableRefused
from services.registration.imports.xlsx_table import XlsxTable
from tests.unit.registration.tables import HEADER, cells, xlsx_bytes

SHEET = "xl/worksheets/sheet1.xml"


def changed(content: bytes, part: str, change: tuple[bytes, bytes]) -> bytes:
    """The same archive with bytes of one part replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(*change) if name == part else data)
    return made.getvalue()


def refused(content: bytes, most: int = 10, **how: int) -> object:
    with pytest.raises(TableRefused) as found:
        read_through(content, most, **how)
    return found.value.rejected.problem


def read_through(content: bytes, most: int, **how: int) -> None:
    table = XlsxTable(content, **how)
    table.count(most)
    list(table.lines())


def test_rows_are_read_with_their_numbers_and_types() -> None:
    row: list[object] = list(cells())
    row[HEADER.index("birth_date")] = date(1990, 3, 4)
    row[HEADER.index("income")] = 1_000_000
    table = XlsxTable(xlsx_bytes([], row, header=HEADER))
    assert table.count(10) >= 1
    blank, line = table.lines()
    assert blank is None
    assert line is not None
    assert (line.number, line.cells["income"], line.cells["birth_date"]) == (
        3,
        1_000_000,
        datetime.fromisoformat("1990-03-04"),
    )


def test_text_that_looks_like_a_formula_stays_text() -> None:
    content = changed(xlsx_bytes(cells(name="#1+1")), SHEET, (b"#1+1", b"=1+1"))
    (line,) = XlsxTable(content).lines()
    assert line is not None
    assert line.cells["name"] == "=1+1"


def test_cells_far_to_the_right_are_not_unfolded() -> None:
    content = changed(xlsx_bytes(cells()), SHEET, (b'<c r="A2"', b'<c r="XFD1" t="n"><v>1</v></c><c r="A2"'))
    table = XlsxTable(content)
    assert table.count(10) == 1


class TestRefusedAsAWhole:
    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"nik,name\n1,2\n"])
    def test_what_is_no_workbook(self, content: bytes) -> None:
        assert refused(content) is FILE_NOT_A_TABLE

    def test_an_archive_of_something_else(self) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("hello.txt", "hello")
        assert refused(made.getvalue()) is FILE_NOT_A_TABLE

    def test_one_that_unpacks_too_large(self) -> None:
        assert refused(xlsx_bytes(cells()), most_unpacked=1_000) is FILE_UNPACKS_TOO_LARGE

    def test_a_bomb_is_refused_before_it_is_unpacked(self) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(6):
                archive.writestr(f"xl/worksheets/sheet{number}.xml", b"\0" * 100_000_000)
        assert len(made.getvalue()) < 1_000_000
        assert refused(made.getvalue()) is FILE_UNPACKS_TOO_LARGE

    @pytest.mark.parametrize(
        ("part", "kind", "entry"),
        [
            ("xl/styles.xml", None, b'<xf numFmtId="0" fontId="0" fillId="0" borderId="0"/>'),
            ("xl/workbook.xml", None, b'<sheet name="a" sheetId="1" r:id="rId1"/>'),
            ("xl/sharedStrings.xml", "sharedStrings", b"<si><t/></si>"),
            ("xl/worksheets/texts.xml", "sharedStrings", b"<si><t>a</t></si>"),
        ],
    )
    def test_a_part_that_is_read_in_full_is_refused_unread_when_it_is_large(
        self, part: str, kind: str | None, entry: bytes
    ) -> None:
        """Thirty kilobytes of styles took a minute, and a megabyte of them all memory."""
        content = xlsx_bytes(cells())
        if kind:
            tag = f'<Override PartName="/{part}" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml"/></Types>'
            content = changed(content, "[Content_Types].xml", (b"</Types>", tag.encode()))
        made = io.BytesIO(content)
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                if name != part:
                    new.writestr(name, old.read(name))
            new.writestr(part, b"<all>" + entry * (40_000_000 // len(entry)) + b"</all>")
        started = time.process_time()
        assert refused(made.getvalue()) is FILE_UNPACKS_TOO_LARGE
        assert time.process_time() - started < 3

    @pytest.mark.parametrize(
        "inside",
        [
            b"<row>" + b"<c/>" * 800_000 + b"</row>",
            b"<row><c><v>" + b"9" * 40_000_000 + b"</v></c></row>",
            b'<row><c r="' + b"A" * 40_000_000 + b'"/></row>',
            b"<c/>" * 800_000,
            (b"<row/>" + b"<c/>" * 1_000) * 800,
            b'<x:row xmlns:x="urn:x"><x:c/></x:row>' * 400_000,
            b"<cols>" + b"<col/>" * 800_000 + b"</cols>",
            b"<sheetData>" + b"<row/>" * 1_100_000 + b"</sheetData>",
        ],
        ids=[
            "a wide row",
            "a long text",
            "a long tag",
            "no row",
            "between rows",
            "rows of another language",
            "columns",
            "blank rows",
        ],
    )
    def test_a_sheet_that_is_not_made_of_rows_is_refused_in_little_memory(self, inside: bytes) -> None:
        whole = (
            b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' + inside + b"</worksheet>"
        )
        tracemalloc.start()
        try:
            content = xlsx_bytes(cells())
            made = io.BytesIO()
            with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
                for name in old.namelist():
                    new.writestr(name, whole if name == SHEET else old.read(name))
            tracemalloc.reset_peak()
            begun = tracemalloc.get_traced_memory()[0]
            assert refused(made.getvalue()) is FILE_UNPACKS_TOO_LARGE
            assert tracemalloc.get_traced_memory()[1] - begun < 32 * 2**20
        finally:
            tracemalloc.stop()

    def test_a_sheet_that_breaks_off(self) -> None:
        assert refused(changed(xlsx_bytes(cells()), SHEET, (b"</sheetData>", b""))) is FILE_NOT_A_TABLE

    def test_a_sheet_that_declares_entities(self) -> None:
        bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><worksheet'
        assert refused(changed(xlsx_bytes(cells()), SHEET, (b"<worksheet", bomb))) is FILE_NOT_A_TABLE

    def test_a_cell_that_is_broken_inside(self) -> None:
        content = changed(
            xlsx_bytes(cells()), SHEET, (b't="inlineStr"><is><t>Siti Rahayu</t></is>', b't="s"><v>99999</v>')
        )
        assert refused(content) is FILE_NOT_A_TABLE

    def test_a_missing_column(self) -> None:
        assert refused(xlsx_bytes(cells()[1:], header=HEADER[1:])) is COLUMN_MISSING

    def test_a_header_without_rows(self) -> None:
        assert refused(xlsx_bytes()) is FILE_EMPTY

    def test_an_empty_sheet(self) -> None:
        assert refused(xlsx_bytes(header=[])) is FILE_EMPTY

    def test_too_many_rows(self) -> None:
        assert refused(xlsx_bytes(cells(), cells(), cells()), most=2) is TOO_MANY_ROWS
