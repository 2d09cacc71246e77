"""The trail of who looked at whose data: one event per answer, durable before the answer is sent.

Reads that arrive together share a transaction like everything else. The key is the actor and the day (WIB), so a read that is taken out of
somebody's day leaves a hole in its numbers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chassis.batches import Batches
from chassis.door import Door
from chassis.outcomes import Done
from chassis.privacy.looks import Seen
from chassis.transaction import Meta, Scope, Tx
from contracts.reads import Opened, PersonalDataRead
from contracts.values import WIB

RULES: Final = "reads/2026-12"
MOST_S: Final = 5.0
"""Longer waits nobody for the trail: the answer is refused."""


@dataclass(frozen=True, slots=True)
class Read:
    """What one answer shows. `scope`: that of who looked."""

    meta: Meta
    scope: Scope
    roles: Sequence[str]
    door: str
    seen: Sequence[Seen]


class Reads:
    """The trail of one process."""

    def __init__(self, batches: Batches, service: str) -> None:
        self._door: Door[Read, Done] = Door(batches, RecordReads(PersonalDataRead.stream_of(service)))

    async def record(self, read: Read) -> None:
        """Durable when it returns. Raises Unavailable, Refusal (too many wait) or TimeoutError: then nothing may be shown."""
        async with asyncio.timeout(MOST_S):
            await self._door.submit(read)


@dataclass(frozen=True, slots=True)
class RecordReads:
    """The use case: nothing is decided."""

    stream: str
    __name__ = "record_reads"

    async def __call__(self, tx: Tx, items: Sequence[Read], /) -> list[Done]:
        day = tx.wall.astimezone(WIB).date().isoformat()
        keys = [f"{item.meta.actor}:{day}" for item in items]
        await tx.heads(self.stream, keys)
        for item, key in zip(items, keys, strict=True):
            tx.record(_event(item), key=key, meta=item.meta, scope=item.scope, rules=RULES)
        return [Done()] * len(items)


def _event(read: Read) -> PersonalDataRead:
    opened = [Opened(kind=s.table, fields=s.columns, persons=s.persons, things=s.rows) for s in read.seen]
    return PersonalDataRead(door=read.door, roles=tuple(sorted(read.roles)), opened=tuple(opened))
