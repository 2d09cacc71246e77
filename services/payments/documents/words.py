"""Sums, months and instants as a document in Bahasa Indonesia says them; times are WIB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from babel.dates import format_date

from contracts.values import WIB, ContributionMonth


def rupiah(amount: int) -> str:
    """ "Rp36.800"; "-Rp5.000" below zero."""
    return f"{'-' if amount < 0 else ''}Rp{number(abs(amount))}"


def number(amount: int) -> str:
    """ "36.800"."""
    return f"{amount:,}".replace(",", ".")


def month(of: ContributionMonth) -> str:
    """ "Oktober 2025"."""
    return format_date(date(of.year, of.month, 1), "MMMM y", locale="id")


def months(of: Sequence[ContributionMonth]) -> str:
    """One month, or the first and the last: "Oktober 2025 – Desember 2025"."""
    return month(of[0]) if len(of) == 1 else f"{month(min(of))} – {month(max(of))}"


def day(at: datetime) -> str:
    """ "6 Oktober 2025", the WIB day of an instant."""
    return format_date(at.astimezone(WIB).date(), "d MMMM y", locale="id")


def instant(at: datetime) -> str:
    """ "6 Oktober 2025, 09.00.00 WIB"."""
    return f"{day(at)}, {at.astimezone(WIB):%H.%M.%S} WIB"
