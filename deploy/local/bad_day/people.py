"""Invented people in any number, as rows of the file that an agent uploads."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from deploy.local.outreach.day import WORKERS

SERIALS = 9_999


def files(count: int, rows: int) -> Iterator[bytes]:
    """So many people in files of at most `rows`; the same number always gives the same person."""
    columns = next(csv.reader(WORKERS.read_text(encoding="utf-8").splitlines()))
    for start in range(0, count, rows):
        text = io.StringIO()
        out = csv.DictWriter(text, columns, restval="")
        out.writeheader()
        out.writerows(_row(n) for n in range(start, min(start + rows, count)))
        yield text.getvalue().encode()


def _row(number: int) -> dict[str, str]:
    """An adult of the lowest income band with three programmes: 36,800 before any discount (domain.md section 5, row 1)."""
    day, month, year = 1 + number % 28, 1 + number % 12, 60 + number % 40
    serial, district = 1 + number % SERIALS, 1 + number // SERIALS
    return {
        "nik": f"3671{district:02d}{day:02d}{month:02d}{year:02d}{serial:04d}",
        "name": f"Warga Umpama {number:06d}",
        "birth_place": "Tangerang",
        "birth_date": f"19{year}-{month:02d}-{day:02d}",
        "sex": "M",
        "phone": f"0813{10_000_000 + number}",
        "address": f"Kp. Umpama No. {number:06d}, Kota Tangerang",
        "occupation": "Pedagang keliling",
        "sector": "OTHER",
        "work_place": "Kota Tangerang",
        "income": "1000000",
        "employs_others": "tidak",
        "programmes": "JKK JKM JHT",
        "funding_source": "SELF",
        "language": "id",
        "consent": "ya",
        "consent_text_version": "2025-01",
    }
