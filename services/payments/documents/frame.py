"""The page that all documents share: a heading, facts, tables, notes, and a foot with the page's number. The same content gives the same bytes.

    page = Page("Bukti Pembayaran Iuran", "BP/20251006/3F2A91BC0D1E")
    page.facts([("Nama", "…")])
    page.table(["Bulan", "Jumlah"], rows, totals=[["Jumlah", "36.800"]])
    content = page.pdf()

Text is text: nothing in it is markup.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

ISSUER: Final = "BPJS Ketenagakerjaan – Perisai, Bukan Penerima Upah (BPU)"
REGULAR, BOLD = "Perisai", "Perisai-Bold"
_MARGIN: Final = 20 * mm
_WIDTH: Final = A4[0] - 2 * _MARGIN
_LINE: Final = colors.HexColor("#9aa5b1")
_SHADE: Final = colors.HexColor("#eef2f6")
_PLAIN: Final = ParagraphStyle("plain", fontName=REGULAR, fontSize=9, leading=12)
_RIGHT: Final = ParagraphStyle("right", parent=_PLAIN, alignment=TA_RIGHT)
_STRONG: Final = ParagraphStyle("strong", parent=_PLAIN, fontName=BOLD)
_STRONG_RIGHT: Final = ParagraphStyle("strong-right", parent=_STRONG, alignment=TA_RIGHT)
_TITLE: Final = ParagraphStyle("title", parent=_STRONG, fontSize=15, leading=20)
_NOTE: Final = ParagraphStyle("note", parent=_PLAIN, fontSize=8, leading=10.5, textColor=colors.HexColor("#52606d"))


class Page:
    """One document. `title` and `number` stand at its head and in the file's own description."""

    def __init__(self, title: str, number: str) -> None:
        _fonts()
        self._title, self._number = title, number
        self._parts: list[Flowable] = [
            _text(ISSUER, _NOTE),
            _text(title, _TITLE),
            _text(f"Nomor: {number}", _STRONG),
            Spacer(0, 5 * mm),
        ]

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Name and value, one pair a line."""
        cells = [[_text(name, _PLAIN), _text(value, _STRONG)] for name, value in rows]
        table = Table(cells, colWidths=[55 * mm, _WIDTH - 55 * mm], hAlign="LEFT")
        table.setStyle(TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 1.5)]))
        self._parts += [table, Spacer(0, 4 * mm)]

    def table(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        totals: Sequence[Sequence[str]] = (),
        widths: Sequence[float] | None = None,
        text_columns: int = 1,
    ) -> None:
        """The first `text_columns` columns hold text, the others sums. `widths` are shares of the page; the header stands on every page."""
        shares = widths or [1.0] * len(header)
        columns = [_WIDTH * share / sum(shares) for share in shares]
        cells = [_cells(header, _STRONG, _STRONG_RIGHT, text_columns)]
        cells += [_cells(row, _PLAIN, _RIGHT, text_columns) for row in rows]
        style: list[Any] = [
            ("BACKGROUND", (0, 0), (-1, 0), _SHADE),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
        for total in totals:
            cells.append(_cells(total, _STRONG, _STRONG_RIGHT, text_columns))
            style.append(("BACKGROUND", (0, len(cells) - 1), (-1, len(cells) - 1), _SHADE))
        table = Table(cells, colWidths=columns, repeatRows=1)
        table.setStyle(TableStyle(style))
        self._parts += [table, Spacer(0, 4 * mm)]

    def heading(self, text: str) -> None:
        self._parts += [_text(text, _STRONG), Spacer(0, 1.5 * mm)]

    def note(self, text: str) -> None:
        """Small print."""
        self._parts += [_text(text, _NOTE), Spacer(0, 1.5 * mm)]

    def pdf(self) -> bytes:
        """The file. May be asked once."""
        content = io.BytesIO()
        document = SimpleDocTemplate(
            content,
            pagesize=A4,
            leftMargin=_MARGIN,
            rightMargin=_MARGIN,
            topMargin=_MARGIN,
            bottomMargin=_MARGIN,
            title=f"{self._title} {self._number}",
            author=ISSUER,
            lang="id",
            invariant=1,
        )
        document.build(self._parts, onFirstPage=self._foot, onLaterPages=self._foot)
        return content.getvalue()

    def _foot(self, canvas: Any, document: Any) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.drawString(_MARGIN, 12 * mm, f"{self._title} – {self._number}")
        canvas.drawRightString(A4[0] - _MARGIN, 12 * mm, f"Halaman {document.page}")


def _cells(texts: Sequence[str], plain: ParagraphStyle, right: ParagraphStyle, text_columns: int) -> list[Paragraph]:
    return [_text(text, plain if place < text_columns else right) for place, text in enumerate(texts)]


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(escape(text), style)


@lru_cache(maxsize=1)
def _fonts() -> None:
    """Fonts of the library itself, embedded: what is seen does not depend on the reader's machine."""
    pdfmetrics.registerFont(TTFont(REGULAR, "Vera.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, "VeraBd.ttf"))
