"""Numbers that are handed out (KPJ, contribution codes, agent codes) come from blocks reserved beforehand.

A sequence drawn while loading would assign a transaction id too early (see chassis.transaction), so a block is reserved in a committed
transaction of its own. Numbers never repeat; those of a block that its process did not use up are lost, which is fine.
"""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

BLOCK = 1_000

_RESERVE = sa.text(
    "INSERT INTO number_blocks (kind, next) VALUES (:kind, :size + 1)"
    " ON CONFLICT (kind) DO UPDATE SET next = number_blocks.next + :size RETURNING next - :size"
)


class NumberBlocks:
    """Hands out numbers 1, 2, 3 … per kind. One per process, any number of tasks."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._left: dict[str, range] = {}
        self._lock = asyncio.Lock()

    async def take(self, kind: str, count: int) -> list[int]:
        """`count` numbers of this kind, ascending. Uses a connection and transaction of its own, and only when the block is used up."""
        async with self._lock:
            left = self._left.get(kind, range(0))
            taken: list[int] = []
            while len(taken) < count:
                if not left:
                    left = await self._reserve(kind, max(BLOCK, count - len(taken)))
                part = left[: count - len(taken)]
                taken.extend(part)
                left = left[len(part) :]
            self._left[kind] = left
            return taken

    async def _reserve(self, kind: str, size: int) -> range:
        async with self._engine.begin() as conn:  # lint: commit — a block is durable before any number of it is seen
            first: int = (await conn.execute(_RESERVE, {"kind": kind, "size": size})).scalar_one()
        return range(first, first + size)
