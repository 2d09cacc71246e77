"""The columns of a cold month: those of `archive`, and what the leaf says for whoever reads the files without us.

Ids are text, because not every engine knows the type. `payload` is the event's own JSON, what was sealed in it sealed; `leaf` is all of
it byte for byte; `leaf_hash` is SHA-256 of a zero byte and the leaf, as the tree has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from services.audit.domain.leaves import BadLeaf, Leaf
from services.audit.domain.merkle import leaf_hash
from services.audit.tables import archive

_BEGAN: Final = datetime(1970, 1, 1, tzinfo=UTC)
OF_ARCHIVE: Final = tuple(column.name for column in archive.c)
_TIMES: Final = tuple(column.name for column in archive.c if isinstance(column.type, sa.TIMESTAMP))
_IDS: Final = tuple(column.name for column in archive.c if isinstance(column.type, sa.UUID))


def _type(column: sa.Column[Any]) -> str:
    match column.type:
        case sa.BigInteger():
            return "BIGINT"
        case sa.Integer():
            return "INTEGER"
        case sa.TIMESTAMP():
            return "TIMESTAMPTZ"
        case sa.LargeBinary():
            return "BLOB"
        case _:
            return "VARCHAR"


TYPES: Final = {column.name: _type(column) for column in archive.c} | {"leaf_hash": "BLOB", "payload": "VARCHAR"}
"""Name → DuckDB's type, in the order of the files."""
FINDING: Final = tuple(name for name in TYPES if name not in ("leaf", "leaf_hash", "payload"))
"""Those by which an event is found."""


def selected(names: Sequence[str] = tuple(TYPES)) -> str:
    """These columns as Python can read them without a library for time zones. A file in which one is of another type, and cannot be taken for this
    one, is an error of DuckDB.
    """
    cast = {name: f"CAST({name} AS {TYPES[name]})" for name in names}
    return ", ".join(f"{f'epoch_us({cast[name]})' if name in _TIMES else cast[name]} AS {name}" for name in names)


def row_of(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """A row of a file with the types that `archive` has; an id or a time that is none stays as it is."""
    row = dict(zip(names, values, strict=True))
    for name in _TIMES:
        if isinstance(row.get(name), int):
            row[name] = _BEGAN + timedelta(microseconds=row[name])
    for name in _IDS:
        row[name] = _id(row.get(name))
    return row


def _id(text: Any) -> Any:
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        return text


def line_of(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of `archive` as an object in JSON, bytes in hex."""
    leaf = bytes(row["leaf"])
    told = {name: row[name] for name in OF_ARCHIVE}
    told |= {name: told[name].isoformat() for name in _TIMES}
    told |= {name: str(told[name]) for name in _IDS if told[name] is not None}
    return {**told, "leaf": leaf.hex(), "leaf_hash": leaf_hash(leaf).hex(), "payload": payload_of(leaf)}


def payload_of(leaf: bytes) -> str | None:
    """The value of the record; None when it is no text, or the leaf no leaf."""
    try:
        value = Leaf.decode(leaf).value
        return None if value is None else value.decode()
    except (BadLeaf, UnicodeDecodeError):
        return None
