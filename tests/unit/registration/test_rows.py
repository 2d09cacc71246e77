"""From cells to a form: what spreadsheets do to numbers and dates, and what each bad cell is answered."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from contracts.values import Language, Programme, Sex
from services.registration.imports.rows import Row, row_of
from services.registration.imports.table import Line
from tests.unit.registration.tables import ROW


def read(**changes: Any) -> Row:
    return row_of(Line(7, {**ROW, **changes}), previous=5)


def test_a_row_is_read_as_meant() -> None:
    row = read()
    assert (row.line, row.previous, row.refused) == (7, 5, None)
    assert row.form is not None
    assert (row.form.birth_date, row.form.sex, row.form.income) == (date(1990, 3, 4), Sex.MALE, 1_000_000)
    assert row.form.programmes == (Programme.JKK, Programme.JKM)
    assert (row.form.language, row.form.consent_text_version) == (Language.INDONESIAN, "2025-01")


@pytest.mark.parametrize(
    "cell",
    ["1990-03-04", "04/03/1990", "4-3-1990", "04.03.1990", date(1990, 3, 4), datetime.fromisoformat("1990-03-04")],
)
def test_dates_are_read_day_first_or_iso(cell: object) -> None:
    form = read(birth_date=cell).form
    assert form is not None
    assert form.birth_date == date(1990, 3, 4)


@pytest.mark.parametrize(
    ("cell", "sex"), [("P", Sex.FEMALE), ("f", Sex.FEMALE), ("L", Sex.MALE), ("laki-laki", Sex.MALE)]
)
def test_sex_is_read_in_both_languages(cell: str, sex: Sex) -> None:
    form = read(sex=cell).form
    assert form is not None
    assert form.sex is sex


@pytest.mark.parametrize("cell", ["JKK+JKM+JHT", "jkk, jkm, jht", "JKK;JKM;JHT", "JKK JKM JHT", "JKK/JKM/JHT"])
def test_programmes_are_separated_by_anything(cell: str) -> None:
    form = read(programmes=cell).form
    assert form is not None
    assert form.programmes == (Programme.JKK, Programme.JKM, Programme.JHT)


def test_an_income_typed_by_a_spreadsheet_is_whole() -> None:
    form = read(income=1_000_000.0).form
    assert form is not None
    assert form.income == 1_000_000


@pytest.mark.parametrize("text", ["=1+1", "+62", "-x", "@cmd"])
def test_text_that_looks_like_a_formula_is_kept(text: str) -> None:
    form = read(occupation=text).form
    assert form is not None
    assert form.occupation == text


@pytest.mark.parametrize(
    ("changes", "code", "column"),
    [
        ({"nik": "3.2E+15"}, "nik_not_text", "nik"),
        ({"nik": "3,67104E+15"}, "nik_not_text", "nik"),
        ({"nik": 3671040403900001}, "nik_not_text", "nik"),
        ({"nik": 3.67104e15}, "nik_not_text", "nik"),
        ({"nik": ""}, "missing", "nik"),
        ({"birth_date": "1990-02-30"}, "date_impossible", "birth_date"),
        ({"birth_date": "31/04/1990"}, "date_impossible", "birth_date"),
        ({"birth_date": "4 Maret 1990"}, "date_impossible", "birth_date"),
        ({"birth_date": 32936}, "date_impossible", "birth_date"),
        ({"birth_date": ""}, "missing", "birth_date"),
        ({"income": "1.000.000"}, "number_unreadable", "income"),
        ({"income": "Rp1000000"}, "number_unreadable", "income"),
        ({"income": 1000000.5}, "number_unreadable", "income"),
        ({"income": ""}, "missing", "income"),
        ({"sex": "X"}, "sex_unreadable", "sex"),
        ({"consent": "mungkin"}, "yes_no_unreadable", "consent"),
        ({"consent_text_version": ""}, "missing", "consent_text_version"),
        ({"sector": "FARM"}, "not_a_choice", "sector"),
        ({"programmes": "JKK JP"}, "not_a_choice", "programmes"),
        ({"name": "a\0b"}, "bad_characters", "name"),
        ({"name": "x" * 256}, "too_long", "name"),
        ({"name": "   "}, "missing", "name"),
        ({"email": "bukan-surel"}, "email_format", "email"),
        ({"outreach_id": "besok"}, "not_an_id", "outreach_id"),
    ],
)
def test_a_bad_cell_is_refused_by_code_and_column(changes: dict[str, Any], code: str, column: str) -> None:
    refused = read(**changes).refused
    assert refused is not None
    assert (refused.code, refused.column) == (code, column)
    assert refused.remedy_id
    assert refused.remedy_en
    assert refused.remedy_id != refused.remedy_en


def test_cells_past_the_header_are_refused() -> None:
    refused = row_of(Line(7, ROW, beyond=True), previous=5).refused
    assert refused is not None
    assert refused.code == "cells_beyond_header"


def test_no_consent_is_left_to_the_rules() -> None:
    form = read(consent="tidak", consent_text_version="").form
    assert form is not None
    assert form.consent_text_version is None


def test_a_remedy_never_quotes_the_cell() -> None:
    refused = read(email="siti-rahasia").refused
    assert refused is not None
    assert "rahasia" not in refused.remedy_id + refused.remedy_en
