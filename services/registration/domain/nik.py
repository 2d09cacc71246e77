"""Nomor Induk Kependudukan: the 16-digit population number, structure published by Dukcapil (UU 23/2006 jo. UU
24/2013).

`PPRRDD` (province, regency, district of first issue) + `DDMMYY` of birth (women: day + 40) + serial. There is no
check digit, and what a NIK
says of birth, sex and region may lawfully differ from the truth, so it is refused for its form only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from chassis.problems import ProblemType
from contracts.values import Sex
from services.registration.problems import NIK_DAY, NIK_FORMAT, NIK_MONTH, NIK_PROVINCE, NIK_SERIAL

PROVINCES = frozenset(
    str(code) for code in (*range(11, 20), 21, *range(31, 37), *range(51, 54), *range(61, 66), *range(71, 77), 81, 82)
) | {str(code) for code in range(91, 97)}
"""Province codes of the Ministry of Home Affairs, those of 2022 (93–96) included. A NIK keeps the code of its first
issue.
"""
_FORM = re.compile(r"[0-9]{16}\Z")
_FEMALE_OFFSET = 40


@dataclass(frozen=True, slots=True)
class NikParts:
    """What a well-formed NIK says of its holder; the century of birth is not part of it."""

    province: str
    day: int
    month: int
    year_of_century: int
    sex: Sex


def fault(nik: str) -> ProblemType | None:
    """Why this text is no NIK (domain.md section 4, rule 1); None when it is well formed."""
    if not _FORM.match(nik):
        return NIK_FORMAT
    if nik[:2] not in PROVINCES:
        return NIK_PROVINCE
    day, month = int(nik[6:8]), int(nik[8:10])
    if not (1 <= day <= 31 or 1 + _FEMALE_OFFSET <= day <= 31 + _FEMALE_OFFSET):
        return NIK_DAY
    if not 1 <= month <= 12:
        return NIK_MONTH
    return NIK_SERIAL if nik[12:] == "0000" else None


def read(nik: str) -> NikParts:
    """The parts of a NIK without `fault`."""
    day = int(nik[6:8])
    female = day > _FEMALE_OFFSET
    return NikParts(
        province=nik[:2],
        day=day - _FEMALE_OFFSET if female else day,
        month=int(nik[8:10]),
        year_of_century=int(nik[10:12]),
        sex=Sex.FEMALE if female else Sex.MALE,
    )


def warnings(nik: str, *, birth_date: date, sex: Sex) -> Sequence[str]:
    """Codes for what the NIK says otherwise than the form (rule 2: warn, never refuse)."""
    parts = read(nik)
    found = []
    if (parts.day, parts.month, parts.year_of_century) != (birth_date.day, birth_date.month, birth_date.year % 100):
        found.append("nik_birth_date_differs")
    if parts.sex is not sex:
        found.append("nik_sex_differs")
    return found
