"""Tables of invented people, as CSV and as XLSX."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import openpyxl

from services.registration.imports.csv_table import CsvTable
from services.registration.imports.table import REQUIRED, Table

ROW: dict[str, str] = {
    "nik": "3671040403900001",
    "name": "Siti Rahayu",
    "birth_place": "Tangerang",
    "birth_date": "1990-03-04",
    "sex": "M",
    "phone": "081234567890",
    "address": "Jalan Contoh 1",
    "occupation": "pedagang",
    "sector": "OTHER",
    "work_place": "Kota Tangerang",
    "income": "1000000",
    "programmes": "JKK JKM",
    "consent": "ya",
    "consent_text_version": "2025-01",
}
HEADER = list(REQUIRED)


def csv_bytes(*rows: Sequence[str], header: Sequence[str] = HEADER, separator: str = ",", end: str = "\n") -> bytes:
    """Unquoted cells, so no cell may hold the separator."""
    return end.join(separator.join(row) for row in (header, *rows)).encode() + end.encode()


def cells(**changes: str) -> list[str]:
    return [{**ROW, **changes}[name] for name in HEADER]


def xlsx_bytes(*rows: Sequence[Any], header: Sequence[Any] = HEADER) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (header, *rows):
        sheet.append(list(row))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def csv_table(*rows: Sequence[str], **how: Any) -> Table:
    return CsvTable(csv_bytes(*rows, **how))
