"""A settlement file is checked once, as a whole, before anything of it is kept: partner, day, end, control totals (snap.md section 11).

What is wrong with a single payment line stops nothing; it is told with the line's number when the file is worked off.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from chassis.problems import ProblemType
from contracts.events.reconciliation import EdgeColumn, Encoding, SettlementLayout
from services.payments.domain.settlement import faults
from services.payments.domain.settlement.days import window
from services.payments.domain.settlement.faults import FileRefused
from services.payments.domain.settlement.lines import (
    Edge,
    LineFault,
    Listed,
    Unreadable,
    cells,
    read_edge,
    read_line,
)

PART_LINES = 1_000
"""Payment lines that are worked off in one step."""

Line = tuple[int, str]
"""Its number in the file, from 1, and its text."""


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive lines as they were uploaded; blank ones too. `first_line` is the number of the first."""

    first_line: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Checked:
    """`before` (header and titles), `parts` and `after` (trailer) put together are the upload, byte for byte.

    `amount` and `fees` are sums over the lines of which that much can be read; whole rupiah.
    """

    before: Part
    parts: tuple[Part, ...]
    after: Part
    lines: int
    amount: int
    fees: int


def check(content: bytes, layout: SettlementLayout, day: date, *, most_lines: int) -> Checked:
    """The file, cut into parts. Raises FileRefused with the line that shows what is wrong."""
    raw = content.splitlines(keepends=True)
    texts = _texts(content, raw, layout)
    written = [(number, text) for number, text in enumerate(texts, 1) if text.strip()]
    if not written:
        raise FileRefused(faults.FILE_EMPTY)
    begins, header = _beginning(written, layout)
    ends, trailer = _end(written, begins, layout)
    payments = written[begins:ends]
    if len(payments) > most_lines:
        raise FileRefused(faults.TOO_MANY_LINES, most=most_lines, line=payments[most_lines][0])
    first, last = written[0][0], written[-1][0]
    _check_origin(header, first, layout, day)
    _check_origin(trailer, last, layout, day)
    read = [read_line(number, text, layout, day) for number, text in payments]
    if header.day is None and trailer.day is None:
        _check_lines(read, layout, day)
    _check_totals(header, first, read)
    _check_totals(trailer, last, read)
    return _cut(raw, payments, written[ends][0] if ends < len(written) else len(raw) + 1, read)


def read_part(part: Part, layout: SettlementLayout, day: date) -> list[Listed | Unreadable]:
    """The payment lines of a part, in their order."""
    texts = [_decoded(line, layout) for line in part.content.splitlines()]
    return [read_line(number, text, layout, day) for number, text in enumerate(texts, part.first_line) if text.strip()]


def _texts(content: bytes, raw: Sequence[bytes], layout: SettlementLayout) -> list[str]:
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise FileRefused(faults.FILE_NOT_TEXT, line=line, encoding=layout.encoding)
    try:
        return [_decoded(line, layout) for line in raw]
    except UnicodeDecodeError:
        line = next(number for number, text in enumerate(raw, 1) if not _is_text(text, layout))
        raise FileRefused(faults.FILE_NOT_TEXT, line=line, encoding=layout.encoding) from None


def _decoded(content: bytes, layout: SettlementLayout) -> str:
    if layout.encoding is Encoding.UTF_8:
        content = content.removeprefix(codecs.BOM_UTF8)
    return content.decode(layout.encoding)


def _is_text(line: bytes, layout: SettlementLayout) -> bool:
    try:
        _decoded(line, layout)
    except UnicodeDecodeError:
        return False
    return True


def _beginning(written: Sequence[Line], layout: SettlementLayout) -> tuple[int, Edge]:
    """How many written lines stand before the payments, and the header."""
    begins, header = 0, Edge()
    if layout.header:
        header = _edge(written[0], layout.header, layout.header_mark, layout, faults.HEADER_UNREADABLE)
        begins = 1
    if layout.titles:
        number, text = written[min(begins, len(written) - 1)]
        if not _are_titles(text, layout):
            raise FileRefused(faults.TITLES_DIFFER, line=number)
        begins += 1
    return begins, header


def _end(written: Sequence[Line], begins: int, layout: SettlementLayout) -> tuple[int, Edge]:
    """How many written lines stand before the trailer, and the trailer."""
    if not layout.trailer:
        return len(written), Edge()
    if len(written) <= begins:
        raise FileRefused(faults.FILE_TRUNCATED, line=written[-1][0], reason="trailer_missing")
    last = written[-1]
    return len(written) - 1, _edge(last, layout.trailer, layout.trailer_mark, layout, faults.FILE_TRUNCATED)


def _edge(
    line: Line, columns: tuple[EdgeColumn, ...], mark: str, layout: SettlementLayout, problem: ProblemType
) -> Edge:
    number, text = line
    try:
        if mark and cells(text, layout)[0] != mark:
            raise LineFault("mark_unknown")
        return read_edge(text, columns, layout)
    except LineFault as fault:
        raise FileRefused(problem, line=number, reason=fault) from None


def _are_titles(text: str, layout: SettlementLayout) -> bool:
    try:
        return [cell.casefold() for cell in cells(text, layout)] == [title.casefold() for title in layout.titles]
    except LineFault:
        return False


def _check_origin(edge: Edge, line: int, layout: SettlementLayout, day: date) -> None:
    if edge.partner not in (None, layout.partner_code):
        raise FileRefused(faults.OTHER_PARTNER, line=line)
    if edge.day not in (None, day):
        raise FileRefused(faults.OTHER_DAY, line=line, day=day.isoformat())


def _check_lines(read: Sequence[Listed | Unreadable], layout: SettlementLayout, day: date) -> None:
    """Without a header that names them, partner and day are those that at least one line has."""
    for reason, problem in (("partner_differs", faults.OTHER_PARTNER), ("day_differs", faults.OTHER_DAY)):
        if read and all(isinstance(line, Unreadable) and line.reason == reason for line in read):
            raise FileRefused(problem, line=read[0].line, day=day.isoformat())
    listed = [line for line in read if isinstance(line, Listed)]
    if listed and not any(window(layout, day).holds(line.paid_at) for line in listed):
        raise FileRefused(faults.OTHER_DAY, line=listed[0].line, day=day.isoformat())


def _check_totals(edge: Edge, line: int, read: Sequence[Listed | Unreadable]) -> None:
    """A sum is compared when every line has its part in it; a line that cannot be read that far leaves it open."""
    if edge.count not in (None, len(read)):
        raise FileRefused(faults.COUNT_DIFFERS, line=line, told=edge.count, found=len(read))
    for what, told, parts in (
        ("amount", edge.amount, [one.amount for one in read]),
        ("fee", edge.fee, [one.fee for one in read]),
    ):
        found = sum(part or 0 for part in parts)
        if told is not None and (found > told if None in parts else found != told):
            raise FileRefused(faults.TOTAL_DIFFERS, line=line, what=what, told=told, found=found)


def _cut(raw: Sequence[bytes], payments: Sequence[Line], after: int, read: Sequence[Listed | Unreadable]) -> Checked:
    """`after`: the number of the first line behind the payments."""
    starts = [number for number, _ in payments[::PART_LINES]] or [after]

    def part(start: int, end: int) -> Part:
        return Part(start, b"".join(raw[start - 1 : end - 1]))

    return Checked(
        before=part(1, starts[0]),
        parts=tuple(part(start, end) for start, end in pairwise([*starts, after])) if payments else (),
        after=part(after, len(raw) + 1),
        lines=len(payments),
        amount=sum(line.amount or 0 for line in read),
        fees=sum(line.fee or 0 for line in read),
    )
