"""The first sheet of an XLSX file, opened only after its archive was found to hold nothing that could exhaust us."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any, Final

import openpyxl

from services.registration.imports.problems import FILE_EMPTY, FILE_NOT_A_TABLE, TOO_MANY_ROWS
from services.registration.imports.table import COLUMNS, Line, TableRefused, blank, header, line_of
from services.registration.imports.xlsx_archive import MOST_UNPACKED, check, rows_in

_WIDEST: Final = len(COLUMNS) + 20
"""Cells further right are not even looked at: a cell in the last of 16,384 columns would make each row as wide."""


class XlsxTable:
    def __init__(self, content: bytes, *, most_unpacked: int = MOST_UNPACKED) -> None:
        """Raises TableRefused: no workbook, unpacks too large, or a header that is not ours."""
        self._content = content
        rows = check(content, most_unpacked)
        sheet = self._sheet()
        path = str(sheet._worksheet_path).lstrip("/")
        self._sheet_rows = rows[path] if path in rows else rows_in(zipfile.ZipFile(io.BytesIO(content)), path)
        self._header_row, cells = next(((n, c) for n, c in _rows(sheet) if not blank(c)), (0, ()))
        if not self._header_row:
            raise TableRefused(FILE_EMPTY, line="1")
        self._columns = header(cells)

    def count(self, most: int) -> int:
        """As counted in the sheet's XML, blank rows included: reading the cells takes a minute for what this does in
        a second."""
        rows = self._sheet_rows - self._header_row
        if rows > most:
            raise TableRefused(TOO_MANY_ROWS, most=str(most), line=str(self._header_row + most + 1))
        if rows < 1:
            raise TableRefused(FILE_EMPTY, line=str(self._header_row))
        return rows

    def lines(self) -> Iterator[Line | None]:
        for number, cells in _rows(self._sheet()):
            if number > self._header_row:
                yield None if blank(cells) else line_of(number, self._columns, cells)

    def _sheet(self) -> Any:
        """Opened anew each time: a read-only sheet is a stream."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # openpyxl tells of styles and extensions it leaves out
                book = openpyxl.load_workbook(io.BytesIO(self._content), read_only=True, data_only=True)
            sheet = book.worksheets[0]
            sheet.reset_dimensions()  # what a file says of its own size is not believed
        except Exception:  # settles: openpyxl 3.1 raises whatever its parser met; a file it cannot open is no table
            raise TableRefused(FILE_NOT_A_TABLE, line="1") from None
        return sheet


def _rows(sheet: Any) -> Iterator[tuple[int, tuple[Any, ...]]]:
    number = 0
    try:
        for number, cells in enumerate(sheet.iter_rows(max_col=_WIDEST, values_only=True), 1):
            yield number, cells
    except (ValueError, IndexError, KeyError, TypeError, SyntaxError):  # what openpyxl 3.1 meets in a broken cell
        raise TableRefused(FILE_NOT_A_TABLE, line=str(number + 1)) from None
