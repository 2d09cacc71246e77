"""From the cells of a line to a registration form, or to why the row is refused: code, column and remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from pydantic import ValidationError

from chassis.http.faults import field_errors
from chassis.problems import FieldError, ProblemType, Rejected
from services.registration.domain.form import Form
from services.registration.forms import RegistrationForm
from services.registration.imports.problems import (
    CELLS_BEYOND_HEADER,
    DATE_IMPOSSIBLE,
    NIK_NOT_TEXT,
    NUMBER_UNREADABLE,
    SEX_UNREADABLE,
    YES_NO_UNREADABLE,
)
from services.registration.imports.table import Cell, Line
from services.registration.problems import field_error

_SCIENTIFIC: Final = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+\Z")
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})\Z")
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})\Z")
_YES: Final = frozenset({"yes", "y", "ya", "true", "1"})
_NO: Final = frozenset({"no", "n", "tidak", "false", "0", ""})
_YES_OR_NO: Final = _YES | _NO
_BETWEEN: Final = re.compile(r"[\s,;+/|&]+")
_SEXES: Final[Mapping[str, str]] = {"f": "F", "p": "F", "perempuan": "F", "m": "M", "l": "M", "laki-laki": "M"}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a row is refused. Holds no personal data."""

    code: str
    column: str | None
    remedy_id: str
    remedy_en: str


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """One line: a form with the agent it names, or a refusal. `previous` is the number of the line with a row before
    it.
    """

    line: int
    previous: int
    form: Form | None
    agent_code: str | None
    refused: Refused | None


class _CellFault(Exception):
    def __init__(self, problem: ProblemType) -> None:
        super().__init__(problem.code)
        self.problem = problem


def row_of(line: Line, previous: int) -> Row:
    """Reads one line; never raises for what stands in it."""
    read = _form(line)
    if isinstance(read, Refused):
        return Row(line.number, previous, None, None, read)
    return Row(line.number, previous, read.to_domain(), _text(line.cells.get("agent_code")) or None, None)


def refusal_of(rejected: Rejected) -> Refused:
    """A refusal of the rules, as the result of a row."""
    column = rejected.field
    return _refused(field_error(rejected.problem, column or "", **rejected.values))


def refusal(problem: ProblemType, column: str | None = None, **values: str) -> Refused:
    return _refused(field_error(problem, column or "", **values))


def _form(line: Line) -> RegistrationForm | Refused:
    if line.beyond:
        return refusal(CELLS_BEYOND_HEADER)
    values: dict[str, object] = {}
    for column, cell in line.cells.items():
        try:
            values[column] = _READERS.get(column, _text_or_none)(cell)
        except _CellFault as fault:
            return refusal(fault.problem, column)
    values.pop("agent_code", None)
    values["consent"] = _consent(given=values["consent"], text_version=values.pop("consent_text_version"))
    try:
        return RegistrationForm.model_validate(_present(values))
    except ValidationError as error:
        return _refused(field_errors(error.errors(include_input=False, include_url=False))[0])


def _present(values: Mapping[str, object]) -> dict[str, object]:
    """Without empty cells: what is optional gets its default, what is required is told to be missing."""
    return {name: value for name, value in values.items() if value is not None}


def _consent(*, given: object, text_version: object) -> dict[str, object] | None:
    """None unless it was given: the rules refuse that."""
    return _present({"given": True, "text_version": text_version}) if given else None


def _refused(error: FieldError) -> Refused:
    column = "consent_text_version" if error.field == "consent.text_version" else error.field.partition(".")[0]
    return Refused(error.code, column or None, error.id, error.en)


def _text(cell: Cell) -> str:
    """What the person sees in the cell."""
    if isinstance(cell, str):
        return cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)


def _text_or_none(cell: Cell) -> str | None:
    return _text(cell) or None


def _nik(cell: Cell) -> str | None:
    """A NIK that went through a number lost digits: 3.2E+15, or a number in a spreadsheet cell."""
    text = _text(cell)
    if isinstance(cell, int | float) or _SCIENTIFIC.match(text):
        raise _CellFault(NIK_NOT_TEXT)
    return text or None


def _date(cell: Cell) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if cell is None or isinstance(cell, date):
        return cell
    text = _text(cell)
    if not text:
        return None
    if found := _ISO.match(text):
        year, month, day = found.groups()
    elif found := _DAY_FIRST.match(text):
        day, month, year = found.groups()
    else:
        raise _CellFault(DATE_IMPOSSIBLE)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise _CellFault(DATE_IMPOSSIBLE) from None


def _whole(cell: Cell) -> int | None:
    text = _text(cell)
    if not text:
        return None
    if not (text.removeprefix("-").isascii() and text.removeprefix("-").isdecimal() and len(text) < 16):
        raise _CellFault(NUMBER_UNREADABLE)
    return int(text)


def _yes(cell: Cell) -> bool:
    text = _text(cell).lower()
    if text not in _YES_OR_NO:
        raise _CellFault(YES_NO_UNREADABLE)
    return text in _YES


def _sex(cell: Cell) -> str | None:
    text = _text(cell).lower()
    if text and text not in _SEXES:
        raise _CellFault(SEX_UNREADABLE)
    return _SEXES.get(text)


def _programmes(cell: Cell) -> list[str]:
    return [name for name in _BETWEEN.split(_text(cell).upper()) if name]


def _upper(cell: Cell) -> str | None:
    return _text(cell).upper() or None


def _lower(cell: Cell) -> str | None:
    return _text(cell).lower() or None


_READERS: Final[Mapping[str, Callable[[Cell], object]]] = {
    "nik": _nik,
    "birth_date": _date,
    "sex": _sex,
    "sector": _upper,
    "income": _whole,
    "employs_others": _yes,
    "programmes": _programmes,
    "funding_source": _upper,
    "language": _lower,
    "outreach_id": _lower,
    "consent": _yes,
}
