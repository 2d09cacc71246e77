"""Amounts and instants as SNAP writes them. Compared as numbers and instants, never as text, never as floats."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache

from contracts.values import WIB

_AMOUNT = re.compile(r"([0-9]+)(?:\.([0-9]{1,2}))?", re.ASCII)
_EXTENDED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_BASIC = re.compile(r"\d{8}T\d{6}(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)", re.ASCII)
"""The form that the official samples use against their own tables."""


def rupiah(text: str, *, digits: int) -> int | None:
    """Whole rupiah above zero, of at most `digits` integer digits; None for anything else (sen, sign, letters, zero)."""
    match = _AMOUNT.fullmatch(text)
    if match is None or len(match[1]) > digits or int(match[2] or "0"):
        return None
    return int(match[1]) or None


def decimal(amount: int) -> dict[str, str]:
    """`{value, currency}` with two decimals."""
    return {"value": f"{amount}.00", "currency": "IDR"}


@lru_cache(maxsize=1_024)  # asked three times for one call, and the same second for many
def instant(text: str) -> datetime | None:
    """An instant with its offset, as UTC; None when the text is none."""
    if not (_EXTENDED.fullmatch(text) or _BASIC.fullmatch(text)):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def timestamp(at: datetime) -> str:
    """`yyyy-MM-ddTHH:mm:ss+07:00`: 25 characters, WIB."""
    return at.astimezone(WIB).isoformat(timespec="seconds")
