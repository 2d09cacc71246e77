"""CSV as people save it: UTF-8 or UTF-16 with or without BOM, comma, semicolon or tab, any line ending, quoted
separators.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Final

from services.registration.imports.problems import (
    FILE_EMPTY,
    FILE_ENCODING,
    FILE_NOT_A_TABLE,
    FILE_QUOTE,
    TOO_MANY_ROWS,
)
from services.registration.imports.table import COLUMNS, Line, TableRefused, blank, header, line_of

_BREAKS: Final = re.compile(r"[\n\r\t]")
_SEPARATORS: Final = (",", ";", "\t")
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class CsvTable:
    """The whole text is kept in memory; a file's size is limited before it gets here."""

    def __init__(self, content: bytes) -> None:
        """Raises TableRefused: unknown encoding, not text, or a header that is not ours."""
        self._text = _decoded(content)
        self._separator = max(_SEPARATORS, key=self._known_columns)
        self._columns = header(self._first()[1])

    def count(self, most: int) -> int:
        records, rows, number = self._records(), 0, 1
        next(records)
        for number, cells in records:
            rows += bool(cells)
            if rows > most:
                raise TableRefused(TOO_MANY_ROWS, most=str(most), line=str(number))
        if not rows:
            raise TableRefused(FILE_EMPTY, line=str(number))
        return rows

    def lines(self) -> Iterator[Line | None]:
        """Raises TableRefused with the line on which an unclosed quotation mark begins."""
        records = self._records()
        next(records)
        for number, cells in records:
            yield line_of(number, self._columns, cells) if cells else None

    def _first(self) -> tuple[int, Sequence[str]]:
        for first in self._records():
            return first
        raise TableRefused(FILE_EMPTY, line="1")

    def _records(self, separator: str = "") -> Iterator[tuple[int, list[str]]]:
        """From the header on, each with the number of its first line; a blank record has no cells."""
        reader = csv.reader(io.StringIO(self._text, newline=""), delimiter=separator or self._separator, strict=True)
        number, begun = 1, False
        try:
            for cells in reader:
                empty = blank(cells)
                begun = begun or not empty
                if begun:
                    yield number, [] if empty else _joined(cells)
                number = reader.line_num + 1
        except csv.Error:
            raise TableRefused(FILE_QUOTE, line=str(number)) from None

    def _known_columns(self, separator: str) -> int:
        """How many known columns the first line has when read with this separator; quotation marks may rule it out."""
        try:
            first = next(self._records(separator), (0, []))[1]
        except TableRefused:  # `"a";"b"` cannot be read with commas
            return 0
        return sum(cell.strip().lower() in COLUMNS for cell in first)


def _decoded(content: bytes) -> str:
    start, encoding = next(((bom, name) for bom, name in _BOMS if content.startswith(bom)), (b"", "utf-8"))
    try:
        text = content[len(start) :].decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: len(start) + error.start].count(b"\n") + 1
        raise TableRefused(FILE_ENCODING, line=str(line)) from None
    if "\0" in text:
        raise TableRefused(FILE_NOT_A_TABLE, line=str(text[: text.index("\0")].count("\n") + 1))
    return text


def _joined(cells: list[str]) -> list[str]:
    """A line break inside quotation marks is a blank. Few records have one."""
    if not _BREAKS.search("".join(cells)):
        return cells
    return [" ".join(cell.split()) if _BREAKS.search(cell) else cell for cell in cells]
