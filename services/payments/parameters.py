"""The parameter sets as a process knows them: cached, so a decision costs no look-up of the law.

A copy is at most `ttl_s` old by the wall clock; an approval made in this process forgets it at once. A set holds from a later day
than that of its approval, so a copy that is a little old says the same.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.payments.domain.parameters import DEFAULTS, KINDS, Dated, Sets
from services.payments.queries import parameters as queries


class Parameters:
    """Given to the use cases that decide by dated rules."""

    def __init__(self, *, ttl_s: float) -> None:
        self._ttl_s, self._until, self._changes = ttl_s, 0.0, 0
        self._sets = DEFAULTS
        self._known: dict[UUID, Dated[Any]] = {}

    async def sets(self, conn: AsyncConnection) -> Sets:
        """What is law, at most `ttl_s` old. Reads on the given connection: call it before heads, with the look-ups."""
        now, changes = time.monotonic(), self._changes
        if now >= self._until:
            found = await queries.approved(conn)
            if {row["set_id"] for row in found} != self._known.keys():
                self._sets = Sets(self._read(found))
            # what changed while we were reading may be missing in it
            self._until = now + self._ttl_s if changes == self._changes else 0.0
        return self._sets

    def forget(self) -> None:
        """The next question reads the sets again."""
        self._until = 0.0
        self._changes += 1

    def _read(self, found: Iterable[Mapping[Any, Any]]) -> dict[tuple[str, str | None], tuple[Dated[Any], ...]]:
        """Each set is read once: prices are kept by the very set that made them. Kinds that are no more are left out."""
        sets: defaultdict[tuple[str, str | None], list[Dated[Any]]] = defaultdict(list)
        for row in found:
            kind = KINDS.get(row["kind"])
            known = self._known.get(row["set_id"])
            if known is None:
                value = None if kind is None else kind.read(row["value"])
                known = Dated(row["version"], row["valid_from"], row["source"], value, row["set_id"])
                self._known[row["set_id"]] = known
            if kind is not None:
                sets[row["kind"], row["subject"]].append(known)
        return {key: tuple(of_key) for key, of_key in sets.items()}


class Fixed(Parameters):
    """The same sets for ever: for tools and tests that approve nothing."""

    def __init__(self, sets: Sets = DEFAULTS) -> None:
        super().__init__(ttl_s=0)
        self._sets = sets

    async def sets(self, conn: AsyncConnection) -> Sets:
        return self._sets
