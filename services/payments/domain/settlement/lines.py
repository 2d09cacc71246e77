"""One line of a partner's file, read by its layout: a payment that the partner lists, or why it cannot be read.

A line is one line of text: what stands in quotation marks does not run on into the next. Never raises for what stands in a line.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from contracts.events.reconciliation import EdgeColumn, LineColumn, SettlementLayout
from services.payments.domain.settlement.layouts import ISO

MOST_DIGITS = 15
"""Of an amount: whole rupiah below 2^53."""
LONGEST_REFERENCE = 128
"""Of a paymentRequestId (snap.md section 6); the partner's own number is shorter."""

_REFERENCE = re.compile(rf"[!-~]{{1,{LONGEST_REFERENCE}}}")
_ACCOUNT = re.compile(r"[0-9]{1,28}", re.ASCII)


class LineFault(ValueError):
    """Why a line cannot be read. The text is a code that names the column, never its value."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A payment as the partner lists it. `reference`: the paymentRequestId, where the partner gives it; `own_reference`: its own number.

    `account`: the virtual account without blanks, where there is one. Whole rupiah; `paid_at` is UTC.
    """

    line: int
    reference: str | None
    own_reference: str | None
    account: str | None
    amount: int
    fee: int
    paid_at: datetime


@dataclass(frozen=True, slots=True)
class Unreadable:
    """`amount`: what it would have come to, where that much can be read."""

    line: int
    reason: str
    amount: int | None = None
    fee: int | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """Header or trailer; None where the layout has no such column."""

    partner: str | None = None
    day: date | None = None
    count: int | None = None
    amount: int | None = None
    fee: int | None = None


def cells(text: str, layout: SettlementLayout) -> list[str]:
    """The cells of one line, trimmed. Raises LineFault `quotes_unreadable`."""
    try:
        found = next(csv.reader([text], delimiter=layout.separator, strict=True), [])
    except csv.Error:
        raise LineFault("quotes_unreadable") from None
    return [cell.strip() for cell in found]


def read_line(number: int, text: str, layout: SettlementLayout, day: date) -> Listed | Unreadable:
    """A payment line. Its partner and day, where the layout has them, must be those of the file."""
    amount = fee = None
    try:
        found = _by_column(cells(text, layout), layout)
        amount = _amount(found, LineColumn.AMOUNT, layout)
        fee = _amount(found, LineColumn.FEE, layout) if found.get(LineColumn.FEE) else 0
        _check_file(found, layout, day)
        if not amount or fee > amount:
            raise LineFault("amount_unreadable" if not amount else "fee_unreadable")
        reference, own = _reference(found, LineColumn.REFERENCE), _reference(found, LineColumn.REFERENCE_NO)
        if reference is None and own is None:
            raise LineFault("reference_unreadable")
        paid_at = moment(found[LineColumn.PAID_AT], layout)
        return Listed(number, reference, own, _account(found), amount, fee, paid_at)
    except LineFault as fault:
        return Unreadable(number, str(fault), amount, fee)


def read_edge(text: str, columns: tuple[EdgeColumn, ...], layout: SettlementLayout) -> Edge:
    """A header or trailer. Raises LineFault."""
    found = cells(text, layout)
    if len(found) < len(columns):
        raise LineFault("columns_missing")
    named = {column: found[place] for place, column in enumerate(columns) if column is not EdgeColumn.IGNORED}
    return Edge(
        partner=named.get(EdgeColumn.PARTNER),
        day=_day(named[EdgeColumn.DAY], layout) if EdgeColumn.DAY in named else None,
        count=_count(named[EdgeColumn.COUNT]) if EdgeColumn.COUNT in named else None,
        amount=rupiah(named[EdgeColumn.AMOUNT], layout, "amount") if EdgeColumn.AMOUNT in named else None,
        fee=rupiah(named[EdgeColumn.FEE], layout, "fee") if EdgeColumn.FEE in named else None,
    )


def rupiah(text: str, layout: SettlementLayout, name: str) -> int:
    """Whole rupiah, zero or more. Raises LineFault for a sign, letters, sen that are not 00, or marks that stand where none may."""
    match = _amounts(layout.decimal_mark, layout.thousands_mark).fullmatch(text)
    if match is None:
        raise LineFault(f"{name}_unreadable")
    digits = match[1].replace(layout.thousands_mark, "") if layout.thousands_mark else match[1]
    if len(digits) > MOST_DIGITS or int(match[2] or "0"):
        raise LineFault(f"{name}_unreadable")
    return int(digits)


def moment(text: str, layout: SettlementLayout) -> datetime:
    """An instant as UTC; without an offset it is the layout's time zone. Raises LineFault `paid_at_unreadable`."""
    try:
        found = _civil(text, layout.time_pattern)
        return (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(layout.time_zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise LineFault("paid_at_unreadable") from None


def _civil(text: str, pattern: str) -> datetime:
    """As written, with an offset or without. Raises ValueError."""
    return datetime.fromisoformat(text) if pattern == ISO else datetime.strptime(text, pattern)  # noqa: DTZ007


def _by_column(found: list[str], layout: SettlementLayout) -> dict[LineColumn, str]:
    if len(found) < len(layout.columns):
        raise LineFault("columns_missing")
    if any(found[len(layout.columns) :]):
        raise LineFault("columns_unknown")
    named = dict(zip(layout.columns, found, strict=False))
    if layout.line_mark and named.get(LineColumn.MARK) != layout.line_mark:
        raise LineFault("mark_unknown")
    return named


def _check_file(found: dict[LineColumn, str], layout: SettlementLayout, day: date) -> None:
    if found.get(LineColumn.PARTNER, layout.partner_code) != layout.partner_code:
        raise LineFault("partner_differs")
    if LineColumn.DAY in found and _day(found[LineColumn.DAY], layout) != day:
        raise LineFault("day_differs")


def _amount(found: dict[LineColumn, str], column: LineColumn, layout: SettlementLayout) -> int:
    return rupiah(found[column], layout, str(column))


def _reference(found: dict[LineColumn, str], column: LineColumn) -> str | None:
    text = found.get(column)
    if not text:
        return None
    if not _REFERENCE.fullmatch(text):
        raise LineFault("reference_unreadable")
    return text


def _account(found: dict[LineColumn, str]) -> str | None:
    text = found.get(LineColumn.VIRTUAL_ACCOUNT)
    if not text:
        return None
    if not _ACCOUNT.fullmatch(text):
        raise LineFault("virtual_account_unreadable")
    return text


def _day(text: str, layout: SettlementLayout) -> date:
    try:
        return date.fromisoformat(text) if layout.day_pattern == ISO else _civil(text, layout.day_pattern).date()
    except ValueError:
        raise LineFault("day_unreadable") from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < MOST_DIGITS):
        raise LineFault("count_unreadable")
    return int(text)


@lru_cache(maxsize=16)
def _amounts(decimal_mark: str, thousands_mark: str) -> re.Pattern[str]:
    point, comma = re.escape(decimal_mark), re.escape(thousands_mark)
    grouped = rf"[0-9]{{1,3}}(?:{comma}[0-9]{{3}})+|" if thousands_mark else ""
    return re.compile(rf"({grouped}[0-9]+)(?:{point}([0-9]{{1,2}}))?", re.ASCII)
