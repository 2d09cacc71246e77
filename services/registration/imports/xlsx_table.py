"""The first sheet of an XLSX file. What it unpacks to is limited before anything is unpacked; documents that declare
entities are refused.
"""

from __future__ import annotations

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Final
from xml.parsers import expat

import openpyxl

from services.registration.imports.problems import (
    FILE_EMPTY,
    FILE_NOT_A_TABLE,
    FILE_UNPACKS_TOO_LARGE,
    TOO_MANY_ROWS,
)
from services.registration.imports.table import COLUMNS, Line, TableRefused, blank, header, line_of

MOST_UNPACKED: Final = 512 * 1024 * 1024
_MOST_PARTS: Final = 2_000
_WIDEST: Final = len(COLUMNS) + 20
"""Cells further right are not even looked at: a cell in the last of 16,384 columns would make each row as wide."""
_ROW: Final = re.compile(rb"<(?:\w+:)?row[\s>]")
_BLOCK: Final = 1024 * 1024
_MOST_OF_A_PART: Final = 2 * 1024 * 1024
"""Of any part but sheets and shared texts. openpyxl reads styles and the like in full: a second and 16 MiB for each of theirs."""
_MOST_OF_TEXTS: Final = 64 * 1024 * 1024
_MOST_TAGS: Final = 4_000_000
"""In the shared texts, which openpyxl reads in full too: a million texts, ten for every row there may be."""
_TEXTS: Final = "xl/sharedStrings.xml"
_OVERRIDE: Final = re.compile(rb"<(?:\w+:)?Override\b[^>]*>")
_PART, _TYPE = re.compile(rb'\bPartName="/([^"]*)"'), re.compile(rb'\bContentType="([^"]*)"')


class XlsxTable:
    def __init__(self, content: bytes, *, most_unpacked: int = MOST_UNPACKED) -> None:
        """Raises TableRefused: no workbook, unpacks too large, or a header that is not ours."""
        self._content = content
        _check_archive(content, most_unpacked)
        sheet = self._sheet()
        self._sheet_rows = _rows_in(content, str(sheet._worksheet_path).lstrip("/"))
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


def _check_archive(content: bytes, most_unpacked: int) -> None:
    """zipfile unpacks no part beyond the size its directory declares, so what is declared may be judged."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        parts = archive.infolist()
        _require(len(parts) <= _MOST_PARTS and sum(part.file_size for part in parts) <= most_unpacked, most_unpacked)
        types = [part for part in parts if part.filename == "[Content_Types].xml"]
        _require(all(part.file_size <= _MOST_OF_A_PART for part in types), _MOST_OF_A_PART)
        large = _may_be_large(archive.read(types[0])) if types else {}
        for part in parts:
            limit = large.get(part.filename, _MOST_OF_A_PART)
            _require(part.file_size <= min(limit, most_unpacked), limit)
        if _TEXTS in large:
            _require(_tags_in(archive, _TEXTS) <= _MOST_TAGS, _MOST_OF_TEXTS)
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, KeyError, RuntimeError, zlib.error):
        raise TableRefused(FILE_NOT_A_TABLE, line="1") from None


def _require(within: bool, limit: int) -> None:
    if not within:
        raise TableRefused(FILE_UNPACKS_TOO_LARGE, limit=str(limit))


def _may_be_large(types: bytes) -> dict[str, int]:
    """Parts that are a sheet or the shared texts, and nothing else besides: those are read as a stream, or counted."""
    said: dict[bytes, set[bytes]] = {}
    for tag in _OVERRIDE.findall(types):
        part, kind = _PART.search(tag), _TYPE.search(tag)
        if part and kind:
            said.setdefault(part[1], set()).add(kind[1].rpartition(b".")[2])
    return {
        name.decode("latin-1"): MOST_UNPACKED if kinds == {b"worksheet+xml"} else _MOST_OF_TEXTS
        for name, kinds in said.items()
        if kinds == {b"worksheet+xml"} or (kinds == {b"sharedStrings+xml"} and name == _TEXTS.encode())
    }


def _tags_in(archive: zipfile.ZipFile, name: str) -> int:
    with archive.open(name) as stream:
        return sum(block.count(b"<") for block in iter(lambda: stream.read(_BLOCK), b""))


def _rows_in(content: bytes, path: str) -> int:
    """Reads the sheet through once: well-formed and without declarations of its own, or refused."""
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_doctype
    rows, tail = 0, b""
    try:
        with zipfile.ZipFile(io.BytesIO(content)).open(path) as stream:
            while block := stream.read(_BLOCK):
                parser.Parse(block, False)
                seen = tail + block
                rows += len(_ROW.findall(seen)) - len(_ROW.findall(tail))
                tail = seen[-32:]
        parser.Parse(b"", True)
    except (expat.ExpatError, zipfile.BadZipFile, KeyError, OSError, EOFError, NotImplementedError, RuntimeError):
        raise TableRefused(FILE_NOT_A_TABLE, line=str(max(rows, 1))) from None
    return rows


def _refuse_doctype(*_: object) -> None:
    raise TableRefused(FILE_NOT_A_TABLE, line="1")
