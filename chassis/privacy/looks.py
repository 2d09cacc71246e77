"""Which personal cells were opened to be shown: noted where a cell is opened, so that no door can forget it.

Whoever answers a person opens a `watching` around the work and tells what was noted before the answer goes out. What is opened with nobody
watching, or inside `own_work`, is a service's own work: a decision, a projection, a message that is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple
from uuid import UUID


class Seen(NamedTuple):
    """Cells of one table and the same columns. `persons`: whose they are; `rows`: rows that are not named after a person."""

    table: str
    columns: tuple[str, ...]
    persons: tuple[UUID, ...]
    rows: tuple[str, ...]


class Looks:
    """What was opened since it was last taken."""

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str, UUID | None], set[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._cells)

    def note(self, table: str, column: str, row: str, of: UUID | None) -> None:
        self._cells.setdefault((table, row, of), set()).add(column)

    def take(self) -> list[Seen]:
        """Cells of many people together: one entry for each table and set of columns, in an order of its own."""
        alike: dict[tuple[str, tuple[str, ...]], list[tuple[str, UUID | None]]] = {}
        for (table, row, of), columns in self._cells.items():
            alike.setdefault((table, tuple(sorted(columns))), []).append((row, of))
        self._cells = {}
        return [_seen(*kind, cells) for kind, cells in sorted(alike.items())]


def _seen(table: str, columns: tuple[str, ...], cells: list[tuple[str, UUID | None]]) -> Seen:
    persons = {of for _, of in cells if of is not None}
    rows = {row for row, of in cells if row != str(of)}
    return Seen(table, columns, tuple(sorted(persons)), tuple(sorted(rows)))


_watching: ContextVar[Looks | None] = ContextVar("looks", default=None)


def note(table: str, column: str, row: str | UUID, of: UUID | None = None) -> None:
    """That this cell was opened. `of`: the participant whose it is."""
    looks = _watching.get()
    if looks is not None:
        looks.note(table, column, str(row), of)


@contextmanager
def watching() -> Iterator[Looks]:
    """Gathers what is opened inside, also in threads and tasks that are begun there."""
    looks = Looks()
    token = _watching.set(looks)
    try:
        yield looks
    finally:
        _watching.reset(token)


@contextmanager
def own_work() -> Iterator[None]:
    """What is opened inside is shown to nobody."""
    token = _watching.set(None)
    try:
        yield
    finally:
        _watching.reset(token)
