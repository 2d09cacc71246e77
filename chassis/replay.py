"""Replay: state is a fold of the service's own events and of nothing else, and this proves it.

The service's own projections run over its events into the shadow; then every state table is compared, row by row, with what stood live at the
same log position (one read-only picture, so live traffic goes on). The events come from the service's own log, or as the archive has them.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import eventlog, faults
from chassis.comparing import MOST_DIFFERENCES, Difference, Side, compare
from chassis.database import steady
from chassis.eventlog import Stored
from chassis.privacy.keys import KeyRing, NoKeys
from chassis.privacy.vault import Vault
from chassis.service import Service
from chassis.shadow import Shadow
from chassis.sofar import Part, SoFar

BATCH = 1_000
_LOCK = 7_215_002  # one replay of a database at a time: there is one shadow
_EVENTS = f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM event_log"
_EVENTS_UNTIL = f"{_EVENTS} JOIN ({eventlog.KNOWN_BY}) AS known USING (position)"


class ReplayRunning(Exception):
    """Another replay of this database is under way: wait for it to end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`events`: folded, `resumed` of them by a replay that was interrupted. `rows`: compared rows per table. `seconds`: what it took."""

    events: int
    rows: dict[str, int]
    differences: list[Difference]
    resumed: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def equal(self) -> bool:
        return not self.differences

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "equal": self.equal}


class Source(Protocol):
    """Own events in the order in which they are folded, given the picture that live state is read from; after what an interrupted replay
    had come to, when it left any.
    """

    def __call__(self, picture: AsyncConnection, so_far: SoFar | None = None) -> AsyncIterator[Part]: ...


async def replay(
    service: Service,
    engine: AsyncEngine,
    vault: Vault,
    keys: KeyRing,
    *,
    source: Source | None = None,
    until: datetime | None = None,
    progress: Callable[[int], None] = lambda events: None,
) -> Outcome:
    """Rebuilds the state of `service` from its own log, or from `source`, and compares it with what stands live. With `until` nothing stands
    live: then with what the own log makes of the events that were recorded by then, and `source` must end there too.

    One from a `source` that was interrupted is gone on with, by the same code; what happened since belongs to it. Not one with `until`.

    Raises ReplayRunning, Unavailable when a person's key cannot be had now, or what the source raises.
    """
    own, began = own_log(service, until=until), time.monotonic()
    async with _alone(engine) as picture:
        shadow = Shadow(service, engine, vault, keys)
        kept: Sequence[sa.Table] = ()
        if until is not None:
            await shadow.build(own(picture), progress)
            kept = await shadow.set_aside()
        resumable = source is not None and until is None
        so_far = await shadow.so_far() if resumable else None
        await shadow.build((source or own)(picture, so_far), progress, onto=so_far, resumable=resumable)
        resumed, folded = so_far.folded["events"] if so_far else 0, time.monotonic()
        faults.point("Y2")
        async with shadow.read() as first, shadow.read() as rebuilt:
            live = Side(first, kept) if kept else Side(picture, service.tables)
            rows, found = await compare(service, vault, live, Side(rebuilt, service.tables))
        await shadow.done()
        took = {"folded": round(folded - began, 3), "compared": round(time.monotonic() - folded, 3)}
        return Outcome(shadow.events, rows, [*shadow.refused, *found][:MOST_DIFFERENCES], resumed, took)


class NotFolded(Exception):
    """Events that no projection could take, in words: what was built is not the state."""


@asynccontextmanager
async def rebuilt(
    service: Service, engine: AsyncEngine, vault: Vault, *, source: Source, progress: Callable[[int], None]
) -> AsyncIterator[AsyncConnection]:
    """State as `source` has it, to be read and for nothing else: the connection is read-only and finds no table but those of the shadow.

    Nobody's key is asked for, so of a person there is what there is after an erasure. Raises ReplayRunning, NotFolded, or what the source raises.
    """
    async with _alone(engine) as picture:
        shadow = Shadow(service, engine, vault, KeyRing(NoKeys()))
        await shadow.build(source(picture), progress)
        if shadow.refused:
            raise NotFolded(f"{len(shadow.refused)} events cannot be folded, the first of them {shadow.refused[0].key}")
        async with shadow.read() as conn:
            yield conn


@asynccontextmanager
async def _alone(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A picture of the database, while nobody else replays there. Raises ReplayRunning."""
    async with engine.connect() as picture:
        await steady(picture)
        if not (await picture.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK)))).scalar_one():
            raise ReplayRunning("another replay of this database is running")
        yield picture


def own_log(service: Service, *, until: datetime | None = None) -> Source:
    """The log in the order of its positions, or key by key; `until`: what was recorded by then."""
    order = "stream, key, seq" if service.folds_key_by_key else "position"

    async def read(picture: AsyncConnection, so_far: SoFar | None = None) -> AsyncIterator[Part]:
        asked = sa.text(f"{_EVENTS if until is None else _EVENTS_UNTIL} ORDER BY {order}")
        asked = asked if until is None else asked.bindparams(until=until)
        found = await picture.stream(asked.execution_options(yield_per=BATCH))
        async for rows in found.partitions():
            yield Part([Stored(eventlog.envelope_of(row, service.name), bytes(row.payload)) for row in rows])

    return read
