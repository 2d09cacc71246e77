"""How far a replay from the archive has come, kept in the shadow by the transaction that folded it: what was interrupted goes on from there.

The table is unlogged like all of the shadow, so a crash of the server empties both together. What other code folded is thrown away.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

import chassis
import contracts
from chassis.eventlog import Stored
from chassis.service import Service

Mark = dict[str, Any]
"""Where a source was, as JSON; the source alone reads it."""


class Part(NamedTuple):
    """Events to fold, and where the source is after them; without a mark nothing is kept. `given`: positions of the log in them."""

    events: Sequence[Stored]
    given: Sequence[int] = ()
    mark: Mark | None = None


TABLE = 'shadow."so far"'
_MAKE = (
    f"CREATE UNLOGGED TABLE IF NOT EXISTS {TABLE} (number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " code text NOT NULL, given bigint[] NOT NULL, mark jsonb NOT NULL, folded jsonb NOT NULL)"
)
_THERE = sa.text(f"SELECT to_regclass('{TABLE}') IS NOT NULL")
_LAST = sa.text(f"SELECT code, mark, folded FROM {TABLE} ORDER BY number DESC LIMIT 1")
_GIVEN = sa.text(f"SELECT given FROM {TABLE} ORDER BY number")
_KEEP = sa.text(
    f"INSERT INTO {TABLE} (code, given, mark, folded) VALUES (:code, :given, CAST(:mark AS jsonb), CAST(:folded AS jsonb))"
)


@dataclass(frozen=True, slots=True)
class SoFar:
    """`given`: positions of the log that were handed over. `folded`: what the shadow knows of itself, as JSON."""

    given: list[int]
    mark: Mark
    folded: dict[str, Any]


async def found(conn: AsyncConnection, code: str) -> SoFar | None:
    """What was kept last; None when there is nothing, or when it is of other code."""
    if not (await conn.execute(_THERE)).scalar_one():
        return None
    last = (await conn.execute(_LAST)).one_or_none()
    if last is None or last.code != code:
        return None
    given = [position for some in (await conn.execute(_GIVEN)).scalars() for position in some]
    return SoFar(given, last.mark, last.folded)


async def begin(conn: AsyncConnection) -> None:
    """From here on nothing is kept yet."""
    await conn.exec_driver_sql(_MAKE)
    await conn.exec_driver_sql(f"DELETE FROM {TABLE}")


async def keep(conn: AsyncConnection, code: str, given: Sequence[int], mark: Mark, folded: dict[str, Any]) -> None:
    """In the transaction that folded what came before the mark."""
    bound = {"code": code, "given": [*given], "mark": json.dumps(mark), "folded": json.dumps(folded)}
    await conn.execute(_KEEP, bound)


def code_of(service: Service) -> str:
    """A fingerprint of all code that folds: another one may fold otherwise."""
    return _fingerprint(Path(_file(service.projection.__module__)).parent)


@cache
def _fingerprint(own: Path) -> str:
    """Read once: what is changed on the disk later is not what this process folds with."""
    found = hashlib.sha256()
    for folder in (Path(_file(chassis.__name__)).parent, Path(_file(contracts.__name__)).parent, own):
        for file in sorted(folder.rglob("*.py")):
            found.update(f"{file.relative_to(folder)}\0".encode() + file.read_bytes())
    return found.hexdigest()


def _file(module: str) -> str:
    """Of the package that a module lies in: its first two names, where there are two."""
    name = ".".join(module.split(".")[:2])
    return str(sys.modules[name].__file__)
