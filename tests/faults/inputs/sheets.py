"""Tables of invented people whose values are found again wherever they turn up."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import openpyxl

from tests.faults.threats.canaries import canary
from tests.integration.registration.files import row

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def people(number: int, **changes: str) -> list[dict[str, str]]:
    """So many rows that every rule takes, each of somebody never seen."""
    found = list[dict[str, str]]()
    for _ in range(number):
        values = canary().values
        found.append(row(**{**{name: values[name] for name in ("name", "address", "phone")}, **changes}))
    return found


def workbook(rows: Sequence[Mapping[str, Any]], header: Sequence[str] | None = None) -> bytes:
    """An XLSX file whose texts are texts, also where they look like formulas."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in ([*(header or rows[0])], *([*one.values()] for one in rows)):
        sheet.append(cells)
        for cell in sheet[sheet.max_row]:
            if isinstance(cell.value, str):
                cell.data_type = "s"
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
