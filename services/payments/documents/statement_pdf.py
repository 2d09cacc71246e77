"""An incentive statement as PDF: the same bytes for the same statement."""

from __future__ import annotations

import io
from collections.abc import Sequence
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from services.payments.documents.statements import Cell, Statement, Table, rupiah

_STYLES = getSampleStyleSheet()
_GRID = TableStyle(
    [
        ("FONTSIZE", (0, 0), (-1, -1), 6.5),
        ("LEADING", (0, 0), (-1, -1), 8),
        ("FONTNAME", (0, 0), (-1, 0), "Helvetica-Bold"),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black),
        ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.lightgrey),
        ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
)


def pdf(statement: Statement) -> bytes:
    """A4, as many pages as it takes; headings of a table are repeated on each."""
    out = io.BytesIO()
    margin = 15 * mm
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=margin,
        rightMargin=margin,
        topMargin=margin,
        bottomMargin=margin,
        title=statement.title,
        author="Perisai",
        invariant=1,
    )
    document.build(_story(statement))
    return out.getvalue()


def _story(statement: Statement) -> list[Flowable]:
    story: list[Flowable] = [_text(statement.title, "Heading2")]
    story += [_text(f"{label}: {value}", "BodyText") for label, value in statement.facts]
    for table in (statement.sums, *statement.tables):
        if table.rows:
            story += [Spacer(1, 4 * mm), _text(table.title, "Heading4"), _grid(table)]
    return [*story, Spacer(1, 4 * mm), _text(statement.note, "Italic")]


def _text(text: str, style: str) -> Paragraph:
    return Paragraph(escape(text), _STYLES[style])


def _grid(table: Table) -> LongTable:
    rows: list[Sequence[str]] = [list(table.columns), *([_shown(cell) for cell in row] for row in table.rows)]
    return LongTable(rows, repeatRows=1, hAlign="LEFT", style=_GRID)


def _shown(cell: Cell) -> str:
    if cell is None:
        return ""
    return rupiah(cell) if isinstance(cell, int) else cell
