"""Numbers we issue, made from reserved running numbers. They begin with no zero, so a spreadsheet cannot shorten them.

Formats are ours (domain.md section 4, rule 5): the official ones are not published, so foreign codes are never judged
by these.
"""

from __future__ import annotations

CONTRIBUTION_CODE_BASE = 100_000_000_000
KPJ_BASE = 10_000_000_000
_DOUBLED = str.maketrans("0123456789", "0246813579")
"""Twice the digit, digit sum."""
_ZERO = ord("0")


class NumbersExhausted(OverflowError):
    """A running number no longer fits the format of its code."""


def contribution_code(number: int) -> str:
    """13 digits: 12 of the running number, then their Luhn check digit."""
    body = str(_within(CONTRIBUTION_CODE_BASE + number, 12))
    return body + luhn_digit(body)


def kpj(number: int) -> str:
    """11 digits (nomor peserta), never reused."""
    return str(_within(KPJ_BASE + number, 11))


def agent_code(number: int) -> str:
    """`PRS` and 8 digits."""
    return f"PRS{_within(number, 8):08d}"


def luhn_digit(body: str) -> str:
    """The digit that makes `body` + digit pass the Luhn check (ISO/IEC 7812-1): any single wrong digit is noticed."""
    plain, doubled = body[-2::-2], body[::-2].translate(_DOUBLED)
    digits = (plain + doubled).encode()
    return str((len(digits) * _ZERO - sum(digits)) % 10)


def _within(number: int, digits: int) -> int:
    if not 0 <= number < 10**digits:
        raise NumbersExhausted(f"{number} has more than {digits} digits")
    return number
