"""Which kind of table an upload is, and how it is opened."""

from __future__ import annotations

from typing import Final

from services.registration.imports.csv_table import CsvTable
from services.registration.imports.table import Table
from services.registration.imports.xlsx_table import XlsxTable

BOXES: Final = "import-files"
"""The purpose of the key that uploaded files are encrypted under."""
CSV, XLSX = "csv", "xlsx"
XLSX_TYPE: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMS: Final = {"text/csv": CSV, "application/csv": CSV, XLSX_TYPE: XLSX}
"""Media type → form."""


def opened(content: bytes, form: str) -> Table:
    """Raises TableRefused when the file as a whole cannot be used."""
    return CsvTable(content) if form == CSV else XlsxTable(content)


def counted(content: bytes, form: str, most_rows: int) -> int:
    """How many rows the file has; it was read to its end. Raises TableRefused."""
    return opened(content, form).count(most_rows)
