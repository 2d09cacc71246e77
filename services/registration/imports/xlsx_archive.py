"""What an XLSX archive may hold, judged before openpyxl sees any of it: nothing that takes more memory or time than a table does.

openpyxl (3.1) reads styles, workbook and shared texts in full, keeps whatever in a sheet is no row, and parses each row as a whole. A
few kilobytes packed can be gigabytes of any of these. So every part is small but sheets and shared texts, and those are read through
once as a stream: rows of bounded length, little beside them, no declarations of entities.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from xml.parsers import expat

from services.registration.imports.problems import FILE_NOT_A_TABLE, FILE_UNPACKS_TOO_LARGE
from services.registration.imports.table import TableRefused

MIB: Final = 1024 * 1024
MOST_UNPACKED: Final = 512 * MIB
_MOST_PARTS: Final = 2_000
_MOST_OF_A_PART: Final = 2 * MIB
"""Of any part that is neither sheet nor shared texts: styles take a second and 16 MiB for each of theirs."""
_MOST_OF_TEXTS: Final = 64 * MIB
_MOST_TAGS: Final = 4_000_000
"""In the shared texts: a million texts, ten for every row there may be."""
_LONGEST_ROW: Final = 4 * MIB
_MOST_ROWS: Final = 1_048_576
"""As many as a sheet can have; blank ones are looked through for the header, and something of each is kept."""
_MOST_IN_ROW: Final = 100_000
"""Elements: far more than the 16,384 cells that a row can have."""
_MOST_OUTSIDE: Final = 250_000
"""Elements that are in no row: links, formats, joined cells."""
_MOST_BYTES_OUTSIDE: Final = 32 * MIB
_BLOCK: Final = MIB
_TEXTS: Final = "xl/sharedStrings.xml"
_ROW: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main row"
_OVERRIDE: Final = re.compile(rb"<(?:\w+:)?Override\b[^>]*>")
_PART, _TYPE = re.compile(rb'\bPartName="/([^"]*)"'), re.compile(rb'\bContentType="([^"]*)"')
_BROKEN: Final = (
    expat.ExpatError,
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    KeyError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
"""What zipfile and expat meet in a file that somebody broke."""


def check(content: bytes, most_unpacked: int) -> Mapping[str, int]:
    """The rows of every sheet. zipfile unpacks no part beyond the size its directory declares, so what is declared may be judged.

    All this comes before openpyxl, which reads into every sheet when it opens a book.
    """
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
        here = {part.filename for part in parts}
        if large.get(_TEXTS) == _MOST_OF_TEXTS and _TEXTS in here:
            _check_texts(archive)
        return {
            name: rows_in(archive, name) for name, limit in large.items() if limit == MOST_UNPACKED and name in here
        }
    except _BROKEN:
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
    limits = {(b"worksheet+xml",): MOST_UNPACKED, (b"sharedStrings+xml", _TEXTS.encode()): _MOST_OF_TEXTS}
    return {
        name.decode("latin-1"): limits.get((*kinds,), limits.get((*kinds, name), _MOST_OF_A_PART))
        for name, kinds in said.items()
    }


def _blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as stream:
        while block := stream.read(_BLOCK):
            yield block


def _check_texts(archive: zipfile.ZipFile) -> None:
    """The shared texts are not too many, and none is told in one endless tag."""
    parser, tags, fed = expat.ParserCreate(), 0, 0
    parser.StartDoctypeDeclHandler = _refuse_doctype
    for block in _blocks(archive, _TEXTS):
        tags, fed = tags + block.count(b"<"), fed + len(block)
        _require(tags <= _MOST_TAGS, _MOST_OF_TEXTS)
        parser.Parse(block, False)
        _require(fed - max(parser.CurrentByteIndex, 0) <= _LONGEST_ROW, _LONGEST_ROW)


class _Shape:
    """A sheet as it streams by: its rows, and that nothing in it grows without rows, for openpyxl keeps what is no row."""

    def __init__(self) -> None:
        self.rows = 0
        self._elements = self._outside = self._in_rows = 0
        self._begun: int | None = None
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartDoctypeDeclHandler = _refuse_doctype
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start, self._end

    def _start(self, name: str, _: object) -> None:
        if self._begun is not None:
            self._elements += 1
        elif name == _ROW:
            self._begun, self._elements = self.parser.CurrentByteIndex, 0
        else:
            self._outside += 1

    def _end(self, name: str) -> None:
        if name == _ROW and self._begun is not None:
            length = self.parser.CurrentByteIndex - self._begun
            _require(length <= _LONGEST_ROW and self._elements <= _MOST_IN_ROW, _LONGEST_ROW)
            self.rows, self._in_rows, self._begun = self.rows + 1, self._in_rows + length, None
            _require(self.rows <= _MOST_ROWS, _LONGEST_ROW)

    def read(self, blocks: Iterable[bytes]) -> None:
        """Raises TableRefused, or what expat and zipfile raise."""
        fed = 0
        for block in blocks:
            self.parser.Parse(block, False)
            fed += len(block)
            waiting = fed - max(self.parser.CurrentByteIndex, 0)  # one tag of any length would be kept whole
            _require(waiting <= _LONGEST_ROW and self._outside <= _MOST_OUTSIDE, _LONGEST_ROW)
            _require(
                self._elements <= _MOST_IN_ROW and fed - self._in_rows - self._open(fed) <= _MOST_BYTES_OUTSIDE,
                _MOST_BYTES_OUTSIDE,
            )
        self.parser.Parse(b"", True)

    def _open(self, fed: int) -> int:
        """Bytes of the row that is not over yet."""
        length = 0 if self._begun is None else fed - self._begun
        _require(length <= _LONGEST_ROW + _BLOCK, _LONGEST_ROW)
        return length


def rows_in(archive: zipfile.ZipFile, path: str) -> int:
    """Reads the sheet through once: well-formed, without declarations of its own, and made of rows; or refused."""
    shape = _Shape()
    try:
        shape.read(_blocks(archive, path))
    except _BROKEN:
        raise TableRefused(FILE_NOT_A_TABLE, line=str(max(shape.rows, 1))) from None
    return shape.rows


def _refuse_doctype(*_: object) -> None:
    raise TableRefused(FILE_NOT_A_TABLE, line="1")
