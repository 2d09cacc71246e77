"""What one batch sends to the database, as it was before anything was encoded. In a file of its own, so that a pickle of it is found by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Write:
    """One call of `chassis.rows`: the function's name, the table's, the rows as mappings, and what else was said."""

    how: str
    table: str
    given: list[dict[str, Any]]
    more: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """Any other statement with its parameters."""

    sql: str
    parameters: tuple[Any, ...]


Batch = list[Write | Statement]
