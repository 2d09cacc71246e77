"""Structure published by Dukcapil (UU 23/2006 jo. UU 24/2013); domain.md section 4, rules 1 and 2."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.values import Sex
from services.registration.domain import nik as niks
from services.registration.problems import NIK_DAY, NIK_FORMAT, NIK_MONTH, NIK_PROVINCE, NIK_SERIAL
from tests.unit.registration import samples


@given(samples.niks())
def test_every_well_formed_nik_is_accepted(nik: str) -> None:
    assert niks.fault(nik) is None


@pytest.mark.parametrize(
    ("nik", "problem"),
    [
        ("367104040390000", NIK_FORMAT),
        ("36710404039000011", NIK_FORMAT),
        ("3671040403900001\n", NIK_FORMAT),
        (" 671040403900001", NIK_FORMAT),
        ("367104040390000x", NIK_FORMAT),
        ("٣٦٧١٠٤٠٤٠٣٩٠٠٠٠١", NIK_FORMAT),
        ("", NIK_FORMAT),
        ("0071040403900001", NIK_PROVINCE),
        ("9971040403900001", NIK_PROVINCE),
        ("3671040003900001", NIK_DAY),
        ("3671043203900001", NIK_DAY),
        ("3671044003900001", NIK_DAY),
        ("3671047203900001", NIK_DAY),
        ("3671040400900001", NIK_MONTH),
        ("3671040413900001", NIK_MONTH),
        ("3671040403900000", NIK_SERIAL),
    ],
)
def test_malformed_nik_is_refused_for_its_first_fault(nik: str, problem: object) -> None:
    assert niks.fault(nik) is problem


@pytest.mark.parametrize("day", ["01", "31", "41", "71"])
def test_border_days_are_accepted(day: str) -> None:
    assert niks.fault(f"367104{day}03900001") is None


def test_a_woman_is_read_from_day_plus_forty() -> None:
    parts = niks.read("3671044403050001")
    assert (parts.sex, parts.day, parts.month, parts.year_of_century) == (Sex.FEMALE, 4, 3, 5)


@given(st.dates(date(1940, 1, 1), date(2025, 12, 31)), st.sampled_from(Sex))
def test_a_nik_that_agrees_with_the_form_warns_of_nothing(birth_date: date, sex: Sex) -> None:
    day = birth_date.day + (40 if sex is Sex.FEMALE else 0)
    assert niks.warnings(f"367104{day:02d}{birth_date:%m%y}0001", birth_date=birth_date, sex=sex) == []


def test_birth_date_and_sex_that_differ_are_warned_of_and_not_refused() -> None:
    found = niks.warnings("3671044403900001", birth_date=date(1990, 3, 5), sex=Sex.MALE)
    assert found == ["nik_birth_date_differs", "nik_sex_differs"]
    assert niks.fault("3671044403900001") is None
