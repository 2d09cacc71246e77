"""Leaves of events that left the database for a cold month, out of its files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from services.audit.cold.shelf import Shelf

Row = Mapping[Any, Any]


async def with_leaves(shelf: Shelf, rows: Sequence[Row], *, files_first: bool = False) -> list[Row]:
    """The same rows of `archive`, each with its leaf; None where no file has it either. `files_first`: from the files wherever they have it."""
    wanted = [row["place"] for row in rows if files_first or row["leaf"] is None]
    if not wanted:
        return [*rows]
    found = await asyncio.to_thread(shelf.leaves, wanted)
    return [{**row, "leaf": found.get(row["place"], row["leaf"])} for row in rows]
