"""How amounts and dates are written in a message: rupiah without decimals, civil dates and months in words. Never a
float.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from babel.dates import format_date

from contracts.values import WIB, ContributionMonth, Language

_GROUPING = {Language.INDONESIAN: ".", Language.ENGLISH: ","}
_BEFORE = timedelta(microseconds=1)


def rupiah(amount: int, language: Language) -> str:
    """Whole rupiah: "Rp36.800" in Indonesian, "Rp36,800" in English."""
    return f"Rp{amount:,}".replace(",", _GROUPING[language])


def long_date(day: date, language: Language) -> str:
    """ "31 Oktober 2025" or "31 October 2025"."""
    return format_date(day, "d MMMM y", locale=language.value)


def long_month(month: ContributionMonth, language: Language) -> str:
    """ "Oktober 2025" or "October 2025"."""
    return format_date(date(month.year, month.month, 1), "MMMM y", locale=language.value)


def span(first: ContributionMonth, last: ContributionMonth, language: Language) -> str:
    """One month, or the first and last of an unbroken run: "Oktober 2025 – Desember 2025"."""
    if first == last:
        return long_month(first, language)
    return f"{long_month(first, language)} – {long_month(last, language)}"


def last_day_before(instant: datetime) -> date:
    """The WIB day that holds the last moment before an exclusive end: 24:00 of 31 October is still "31 October"."""
    return (instant - _BEFORE).astimezone(WIB).date()
