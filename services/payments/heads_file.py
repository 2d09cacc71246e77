"""A list of heads as people upload it: CSV with a header, `contribution_code` or `participant_id`, and `months` if it is not for all.

UTF-8 with or without BOM; comma, semicolon or tab. The file is refused as a whole, with the line; numbers stay text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from chassis.problems import INVALID, FieldError, ProblemType, Refusal, Rejected
from services.payments.commands.collective import Head
from services.payments.domain.collective import MOST_HEADS

WHO: Final = ("contribution_code", "participant_id")
_COLUMNS: Final = {*WHO, "months"}
LONGEST_MONTHS: Final = 12

FILE_UNREADABLE = ProblemType(
    "file_unreadable",
    422,
    "Berkas tidak dapat dibaca sebagai CSV UTF-8 (baris {line}). Simpan ulang sebagai CSV lalu unggah lagi.",
    "The file cannot be read as CSV in UTF-8 (line {line}). Save it as CSV again and upload it.",
)
FILE_HEADER = ProblemType(
    "file_header",
    422,
    "Baris pertama harus memuat salah satu dari contribution_code atau participant_id, tidak keduanya, dan boleh memuat months;"
    " kolom lain tidak dikenal.",
    "The first line must hold one of contribution_code or participant_id, not both, and may hold months; other columns are not known.",
)
NOBODY_LISTED = ProblemType(
    "nobody_listed",
    422,
    "Berkas ini tidak memuat peserta seorang pun. Isi satu baris untuk setiap peserta di bawah baris judul.",
    "This file lists nobody. Give one line for each participant under the header.",
)
_MONTHS = (
    "not_a_whole_number",
    "Isi months dengan bilangan bulat 1 sampai 12, atau kosongkan.",
    "Give months as a whole number from 1 to 12, or leave it empty.",
)


def heads_of(content: bytes, months: int | None) -> tuple[Head, ...]:
    """The heads in the order of the file; `months` for lines that name none. Raises Refusal."""
    found: list[Head] = []
    bad: list[FieldError] = []
    for number, row in _rows(content):
        own = _months(row.get("months") or "", months)
        if own is False:
            bad.append(FieldError(f"line {number}.months", *_MONTHS))
            continue
        who = next((row[name] for name in WHO if name in row), "")
        found.append(Head(who, own, f"line {number}"))
        if len(found) > MOST_HEADS:
            _refuse_length(number)
    if bad:
        raise Refusal(Rejected(INVALID, errors=tuple(bad[:100])))
    if not found:
        raise Refusal(Rejected(NOBODY_LISTED))
    return tuple(found)


def _refuse_length(number: int) -> None:
    told = f"Paling banyak {MOST_HEADS} baris.", f"At most {MOST_HEADS} lines."
    raise Refusal(Rejected(INVALID, f"line {number}", errors=(FieldError(f"line {number}", "too_many", *told),)))


def _months(text: str, otherwise: int | None) -> int | bool | None:
    """False for what is no number of months."""
    if not text:
        return otherwise
    fits = text.isascii() and text.isdigit() and len(text) <= 2 and 1 <= int(text) <= LONGEST_MONTHS
    return int(text) if fits else False


def _rows(content: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Number of the line and cells by column; blank lines are passed over."""
    text = _decoded(content)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    columns: list[str] = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if not any(stripped):
                continue
            if not columns:
                columns = _header(stripped)
            else:
                yield reader.line_num, dict(zip(columns, stripped, strict=False))
    except csv.Error:
        raise Refusal(Rejected(FILE_UNREADABLE, values={"line": str(reader.line_num)})) from None


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Refusal(Rejected(FILE_UNREADABLE, values={"line": str(line)})) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Refusal(Rejected(FILE_UNREADABLE, values={"line": str(line)}))
    return text


def _separator(text: str) -> str:
    first = text.lstrip().partition("\n")[0]
    return max(",;\t", key=first.count)


def _header(cells: list[str]) -> list[str]:
    columns = [cell.lower() for cell in cells]
    if not {*columns} <= _COLUMNS or len({*columns}) < len(columns) or len({*columns} & {*WHO}) != 1:
        raise Refusal(Rejected(FILE_HEADER))
    return columns
