"""Files to import: every row another person, one row in a hundred wrong in one of six ways, and what must be said of each.

A row is what an officer types: 180 to 250 bytes, without the optional columns.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any

from tests.bench import people

COLUMNS = (
    "nik",
    "name",
    "birth_place",
    "birth_date",
    "sex",
    "phone",
    "address",
    "occupation",
    "sector",
    "work_place",
    "income",
    "programmes",
    "consent",
    "consent_text_version",
    "agent_code",
)
EVERY = 100
TOO_OLD_NEXT = 4_000
"""Of the birthdays of `people`, so many are left out: nobody may grow too old for registration while this code lives."""

Row = dict[str, str]


def _nik_of(row: Row, before: Row) -> None:
    row["nik"] = before["nik"]


WRONG: Mapping[str, Callable[[Row, Row], None]] = {
    "nik_format": lambda row, _: row.update(nik=row["nik"][:15]),
    "date_impossible": lambda row, _: row.update(birth_date="1990-02-30"),
    "income_not_positive": lambda row, _: row.update(income="0"),
    "consent_missing": lambda row, _: row.update(consent="tidak"),
    "number_unreadable": lambda row, _: row.update(income="sejuta"),
    "duplicate_of_line": _nik_of,
}
"""Code of the refusal → how the row (and the row before it) is made to deserve it."""


@dataclass(frozen=True)
class File:
    """Rows in order, and the refusal that each bad line must get; line 1 is the header."""

    rows: Sequence[Row]
    refused: Mapping[int, str] = field(default_factory=dict)

    @property
    def csv(self) -> bytes:
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, COLUMNS, lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(self.rows)
        return sheet.getvalue().encode()

    @property
    def xlsx(self) -> bytes:
        """The same rows as a workbook whose cells are all text."""
        from openpyxl import Workbook

        book = Workbook(write_only=True)
        sheet = book.create_sheet()
        sheet.append(COLUMNS)
        for row in self.rows:
            sheet.append([row[name] for name in COLUMNS])
        content = io.BytesIO()
        book.save(content)
        return content.getvalue()


def made(rows: int, *, first: int, agent_codes: Sequence[str]) -> File:
    """So many rows of people from number `first` on; agents take turns."""
    made_rows: list[Row] = []
    refused: dict[int, str] = {}
    codes = list(WRONG)
    for place, number in enumerate(islice(_numbers(first), rows)):
        row = _row(people.form(number), agent_codes[place % len(agent_codes)])
        if place % EVERY == EVERY - 1:
            code = codes[place // EVERY % len(codes)]
            WRONG[code](row, made_rows[-1])
            refused[place + 2] = code
        made_rows.append(row)
    return File(made_rows, refused)


def _numbers(first: int) -> Iterator[int]:
    return (number for number in count(first) if number % people.BIRTHDAYS >= TOO_OLD_NEXT)


def _row(form: Mapping[str, Any], agent_code: str) -> Row:
    own = {name: str(form[name]) for name in COLUMNS if name in form}
    consent = form["consent"]
    return {
        **own,
        "address": form["address"].partition(", Kel.")[0],
        "programmes": " ".join(form["programmes"]),
        "consent": "ya",
        "consent_text_version": consent["text_version"],
        "agent_code": agent_code,
    }
