"""A layout can be agreed when files can be read by it: what it must name, and that its patterns lose nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.events.reconciliation import EdgeColumn, LineColumn, SettlementLayout
from contracts.values import WIB

LAYOUT_RULES = "settlement-layout/2025-01"
"""What may be agreed of a partner's file (snap.md section 11: SNAP sets no format)."""

MOST_COLUMNS = 50
ISO = "iso"
_SAMPLE = datetime(2031, 11, 23, 17, 45, 59, tzinfo=UTC)


class LayoutFault(StrEnum):
    """Why files cannot be read by a layout."""

    AMOUNT_MISSING = "amount_missing"
    PAID_AT_MISSING = "paid_at_missing"
    REFERENCE_MISSING = "reference_missing"
    """Neither the payment's id nor the partner's own number."""
    COLUMN_TWICE = "column_twice"
    TOO_MANY_COLUMNS = "too_many_columns"
    TITLES_DIFFER = "titles_differ"
    """As many titles as columns, or none."""
    MARKS_DIFFER = "marks_differ"
    """Either every kind of line that there is has a mark of its own in its first column, or none has."""
    PATTERN_UNREADABLE = "pattern_unreadable"
    """What is written by the pattern is not read back by it to the second or, without seconds, to the minute."""
    ZONE_UNKNOWN = "zone_unknown"
    SEPARATORS_CLASH = "separators_clash"
    """Decimal and thousands mark are the same."""


def faults(layout: SettlementLayout) -> list[tuple[str, LayoutFault]]:
    """Every field that is wrong, with why; none for a layout that can be agreed."""
    return [*_columns(layout), *_marks(layout), *_patterns(layout), *_amounts(layout)]


def _columns(layout: SettlementLayout) -> Iterator[tuple[str, LayoutFault]]:
    columns = layout.columns
    if LineColumn.AMOUNT not in columns:
        yield "columns", LayoutFault.AMOUNT_MISSING
    if LineColumn.PAID_AT not in columns:
        yield "columns", LayoutFault.PAID_AT_MISSING
    if not {LineColumn.REFERENCE, LineColumn.REFERENCE_NO} & {*columns}:
        yield "columns", LayoutFault.REFERENCE_MISSING
    for name, found in (("columns", columns), ("header", layout.header), ("trailer", layout.trailer)):
        if _twice(found):
            yield name, LayoutFault.COLUMN_TWICE
        if len(found) > MOST_COLUMNS:
            yield name, LayoutFault.TOO_MANY_COLUMNS
    if layout.titles and len(layout.titles) != len(columns):
        yield "titles", LayoutFault.TITLES_DIFFER


def _twice(columns: Sequence[LineColumn] | Sequence[EdgeColumn]) -> bool:
    named = [str(column) for column in columns if str(column) != str(LineColumn.IGNORED)]
    return len({*named}) < len(named)


def _marks(layout: SettlementLayout) -> Iterator[tuple[str, LayoutFault]]:
    kinds = (
        ("line_mark", layout.line_mark, layout.columns),
        ("header_mark", layout.header_mark, layout.header),
        ("trailer_mark", layout.trailer_mark, layout.trailer),
    )
    used = [mark for _, mark, columns in kinds if columns]
    marked = any(used)
    for name, mark, columns in kinds:
        first = bool(columns) and str(columns[0]) == str(LineColumn.MARK)
        rest = any(str(column) == str(LineColumn.MARK) for column in columns[1:])
        if rest or (bool(columns) and (first != marked or bool(mark) != marked)) or (mark and not columns):
            yield name, LayoutFault.MARKS_DIFFER
    if marked and len({*used}) < len(used):
        yield "line_mark", LayoutFault.MARKS_DIFFER


def _patterns(layout: SettlementLayout) -> Iterator[tuple[str, LayoutFault]]:
    try:
        ZoneInfo(layout.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "time_zone", LayoutFault.ZONE_UNKNOWN
    if not _keeps(layout.time_pattern, "%Y%m%d%H%M"):
        yield "time_pattern", LayoutFault.PATTERN_UNREADABLE
    if not _keeps(layout.day_pattern, "%Y%m%d"):
        yield "day_pattern", LayoutFault.PATTERN_UNREADABLE


def _keeps(pattern: str, what: str) -> bool:
    """Whether a moment that is written by the pattern and read again is the same as far as `what` goes."""
    if pattern == ISO:
        return True
    local = _SAMPLE.astimezone(WIB)
    try:
        again = datetime.strptime(local.strftime(pattern), pattern)  # noqa: DTZ007  (its parts are compared as they stand)
    except ValueError:
        return False
    return again.strftime(what) == local.strftime(what)


def _amounts(layout: SettlementLayout) -> Iterator[tuple[str, LayoutFault]]:
    if str(layout.decimal_mark) == str(layout.thousands_mark):
        yield "thousands_mark", LayoutFault.SEPARATORS_CLASH
