"""A table as read from a file: a header of known columns, and numbered lines of cells. Blank lines are counted, not
yielded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Protocol

from chassis.problems import ProblemType, Refusal, Rejected
from services.registration.imports.problems import COLUMN_DOUBLED, COLUMN_MISSING, COLUMN_UNKNOWN

Cell = str | int | float | bool | date | datetime | time | None

REQUIRED = (
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
)
OPTIONAL = ("email", "working_hours", "employs_others", "funding_source", "language", "outreach_id", "agent_code")
COLUMNS = (*REQUIRED, *OPTIONAL)


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """`number` is that of the file's line (CSV) or row (XLSX), from 1; `cells` by column; `beyond`: cells past the
    header.
    """

    number: int
    cells: Mapping[str, Cell]
    beyond: bool = False


class Table(Protocol):
    """What a file gives. Both methods raise TableRefused where the file turns out to be no table."""

    def count(self, most: int) -> int:
        """How many rows there are, at most `most`; read to the end, so what is wrong with the file as a whole shows
        here.
        """

    def lines(self) -> Iterator[Line | None]:
        """The lines below the header, None for a blank one. May be called again and then starts over."""


class TableRefused(Refusal):
    """The whole file is refused; nothing of it is imported."""

    def __init__(self, problem: ProblemType, **values: str) -> None:
        super().__init__(Rejected(problem, values.get("column"), values))


def header(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The column of each position. A strange name is told by position: a file without header has a person there.

    Raises TableRefused.
    """
    names = [_name(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()
    for position, name in enumerate(names, 1):
        if name not in COLUMNS:
            raise TableRefused(COLUMN_UNKNOWN, position=str(position))
        if name in names[: position - 1]:
            raise TableRefused(COLUMN_DOUBLED, column=name)
    for name in REQUIRED:
        if name not in names:
            raise TableRefused(COLUMN_MISSING, column=name)
    return tuple(names)


def line_of(number: int, columns: Sequence[str], cells: Sequence[Cell]) -> Line:
    """The cells by column; missing trailing ones are empty."""
    if len(cells) == len(columns):
        return Line(number, dict(zip(columns, cells, strict=True)))
    known = dict.fromkeys(columns) | dict(zip(columns, cells, strict=False))
    return Line(number, known, beyond=not blank(cells[len(columns) :]))


def blank(cells: Sequence[Cell]) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


def _name(cell: Cell) -> str:
    return "_".join(str(cell).lower().replace("-", " ").replace("_", " ").split()) if cell is not None else ""
