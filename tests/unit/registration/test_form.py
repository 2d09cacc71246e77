"""Eligibility: Permenaker 5/2021 Art. 31-32, Perdir 22/2022; domain.md section 4."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from chassis.problems import Rejected
from contracts.values import Programme
from services.registration.domain.form import Checked, check, programmes_fault
from services.registration.domain.parameters import REGISTRATION
from services.registration.problems import (
    BIRTH_DATE_FUTURE,
    CONSENT_MISSING,
    ENTRY_AGE_BELOW,
    ENTRY_AGE_EXCEEDED,
    INCOME_NOT_POSITIVE,
    JHT_COMPULSORY,
    NIK_SERIAL,
    PHONE_FOREIGN,
    PROGRAMMES_BUNDLE,
)
from tests.unit.registration.samples import form

RULES = REGISTRATION[0]
TODAY = date(2025, 10, 6)
JKK, JKM, JHT = Programme.JKK, Programme.JKM, Programme.JHT


def refused(today: date = TODAY, **changes: Any) -> Rejected:
    found = check(form(**changes), today=today, rules=RULES)
    assert isinstance(found, Rejected)
    return found


def test_a_form_that_meets_the_rules_is_checked_with_its_phone_in_e164() -> None:
    found = check(form(phone="0812-3456-7890"), today=TODAY, rules=RULES)
    assert isinstance(found, Checked)
    assert (found.phone, found.warnings) == ("+6281234567890", ())


@pytest.mark.parametrize(
    ("birth_date", "today", "problem"),
    [
        (date(2007, 10, 7), TODAY, ENTRY_AGE_BELOW),
        (date(2007, 10, 6), TODAY, None),
        (date(1959, 10, 7), TODAY, None),
        (date(1959, 10, 6), TODAY, ENTRY_AGE_EXCEEDED),
        (date(1960, 2, 29), date(2026, 2, 28), None),
        (date(1960, 2, 29), date(2026, 3, 1), ENTRY_AGE_EXCEEDED),
        (date(2025, 10, 7), TODAY, BIRTH_DATE_FUTURE),
    ],
)
def test_entry_age_is_18_to_65_completed_years(birth_date: date, today: date, problem: object) -> None:
    found = check(form(birth_date=birth_date), today=today, rules=RULES)
    assert (found.problem if isinstance(found, Rejected) else None) is problem


@pytest.mark.parametrize(
    ("programmes", "employs_others", "problem"),
    [
        ((JKK, JKM), False, None),
        ((JHT, JKM, JKK), False, None),
        ((JKK, JKM, JHT), True, None),
        ((JKK, JKM), True, JHT_COMPULSORY),
        ((JKK,), False, PROGRAMMES_BUNDLE),
        ((JKM, JHT), False, PROGRAMMES_BUNDLE),
        ((JKK, JKM, JKM), False, PROGRAMMES_BUNDLE),
        ((), False, PROGRAMMES_BUNDLE),
    ],
)
def test_jkk_and_jkm_are_one_bundle_and_jht_is_compulsory_for_employers(
    programmes: tuple[Programme, ...], employs_others: bool, problem: object
) -> None:
    assert programmes_fault(programmes, employs_others=employs_others) is problem


@pytest.mark.parametrize("income", [0, -1])
def test_income_is_above_nought(income: int) -> None:
    assert refused(income=income).problem is INCOME_NOT_POSITIVE


def test_consent_is_required() -> None:
    found = refused(consent_text_version=None)
    assert (found.problem, found.field) == (CONSENT_MISSING, "consent")


def test_a_refusal_names_the_rule_set() -> None:
    assert refused(income=0).rules == "bpu-registration/2022-07"


def test_all_broken_rules_are_listed_and_the_first_gives_the_code() -> None:
    found = refused(nik="3671040403900000", income=0, phone="+6591234567", consent_text_version=None)
    assert found.problem is NIK_SERIAL
    assert [error.code for error in found.errors] == [
        NIK_SERIAL.code,
        INCOME_NOT_POSITIVE.code,
        CONSENT_MISSING.code,
        PHONE_FOREIGN.code,
    ]


def test_a_form_shows_no_personal_data_when_printed() -> None:
    assert "Siti" not in repr(form())
    assert form().nik not in repr(form())
