"""An incentive statement as XLSX: one sheet with facts and sums, one per table. Text is text, never a formula."""

from __future__ import annotations

import io

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.worksheet.worksheet import Worksheet

from services.payments.documents.statements import Cell, Statement, Table

_LONGEST_TITLE = 31
_NOT_IN_A_TITLE = str.maketrans(dict.fromkeys("[]:*?/\\", "-"))


def xlsx(statement: Statement) -> bytes:
    """Whole numbers are numbers, so sums can be made of them; participant numbers keep their zeros."""
    book = Workbook(write_only=True)
    summary = book.create_sheet("Ringkasan - Summary")
    summary.append([_cell(summary, statement.title)])
    for label, value in statement.facts:
        summary.append([_cell(summary, label), _cell(summary, value)])
    _fill(summary, statement.sums)
    summary.append([_cell(summary, statement.note)])
    for number, table in enumerate(statement.tables, start=1):
        title = f"{number} {table.title}".translate(_NOT_IN_A_TITLE)[:_LONGEST_TITLE]
        _fill(book.create_sheet(title), table)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _fill(sheet: Worksheet, table: Table) -> None:
    sheet.append([_cell(sheet, column) for column in table.columns])
    for row in table.rows:
        sheet.append([_cell(sheet, value) for value in row])


def _cell(sheet: Worksheet, value: Cell) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # a text that begins with "=" would become a formula
    return cell
