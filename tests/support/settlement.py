"""Layouts of invented partners, and files written by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from contracts.events.reconciliation import (
    DecimalMark,
    EdgeColumn,
    Encoding,
    LineColumn,
    SettlementLayout,
    ThousandsMark,
)

DAY = date(2025, 10, 6)
C, E = LineColumn, EdgeColumn
MARKED = SettlementLayout(
    partner_code="81001",
    header=(E.MARK, E.PARTNER, E.DAY),
    header_mark="H",
    columns=(
        C.MARK, C.PARTNER, C.DAY, C.VIRTUAL_ACCOUNT, C.REFERENCE, C.REFERENCE_NO, C.AMOUNT, C.FEE, C.PAID_AT,
    ),
    line_mark="D",
    trailer=(E.MARK, E.COUNT, E.AMOUNT, E.FEE),
    trailer_mark="T",
)  # fmt: skip
"""The canonical one of snap.md section 11."""

TITLED = SettlementLayout(
    partner_code="BANK KITA",
    columns=(C.PAID_AT, C.VIRTUAL_ACCOUNT, C.REFERENCE_NO, C.AMOUNT, C.IGNORED),
    titles=("Waktu", "No VA", "Referensi", "Nominal", "Keterangan"),
    encoding=Encoding.WINDOWS_1252,
    separator=";",
    time_pattern="%d/%m/%Y %H:%M:%S",
    decimal_mark=DecimalMark.COMMA,
    thousands_mark=ThousandsMark.POINT,
    time_zone="Asia/Makassar",
    cut_off="22:00",
)
"""As a bank in another zone writes from a spreadsheet: no header, no trailer, its day ends at ten in the evening."""


def marked(
    *lines: Sequence[Any],
    partner: str = "81001",
    day: date = DAY,
    count: int | None = None,
    amount: int | None = None,
    end: str = "\n",
    trailer: bool = True,
) -> bytes:
    """A file of `MARKED`. A line is (reference, account, amount) and perhaps fee and time; other lines are taken as text."""
    written = [line if isinstance(line, str) else _line(partner, day, *line) for line in lines]
    sums = [(line[2], line[3] if len(line) > 3 else 0) for line in lines if not isinstance(line, str)]
    total = sum(a for a, _ in sums) if amount is None else amount
    tail = f"T,{len(lines) if count is None else count},{total}.00,{sum(f for _, f in sums)}.00"
    return "".join(f"{line}{end}" for line in [f"H,{partner},{day}", *written, *([tail] if trailer else [])]).encode()


def _line(
    partner: str, day: date, reference: str, account: str, amount: int, fee: int = 0, at: str = "09:00:00"
) -> str:
    return f"D,{partner},{day},{account},{reference},R-{reference},{amount}.00,{fee}.00,{day}T{at}+07:00"
