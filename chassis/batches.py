"""Load, decide, append, project: one transaction per batch, the only place that commits.

- A conflict re-runs the whole use case in a new transaction, never under a savepoint: a savepoint keeps its transaction id, and an id that is
  older than what it decides on inverts a key's order at the relay. The same key taken twice in a row is no conflict but a bug: somebody takes a row
  that is there for new.
- An unexpected exception splits the batch, each part in a new transaction, until the culprit is alone: one bad item never sinks its neighbours.
- An outage raises `Unavailable`: nothing was decided, or the commit's outcome is unknown and idempotency keys or `progress` find it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from chassis import eventlog, faults
from chassis.clock import Clock
from chassis.database import Unavailable, is_conflict, is_outage, taken_place
from chassis.privacy.looks import own_work
from chassis.privacy.sealing import KeyUnavailable
from chassis.telemetry import log, metrics
from chassis.transaction import Projection, Tx, UseCase
from contracts.event import Catalogue

I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741

MAX_RERUNS = 12
_ASSIGNED = sa.text("SELECT pg_current_xact_id_if_assigned()::text")

StorePersonKeys = Callable[[AsyncConnection, Mapping[UUID, bytes]], Awaitable[None]]


class Rerun(Exception):
    """Raised by a use case that must start again in a new transaction: what it learnt while deciding changes what it must load."""


class WroteWhileLoading(AssertionError):
    """A use case wrote, or drew a sequence number, before deciding. Its events could overtake those of the same key."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The outcome of an item whose use case raised: a bug or a poison item, alone by now."""

    error: Exception


class Batches:
    """Runs use cases on batches. One per process."""

    def __init__(
        self,
        engine: AsyncEngine,
        project: Projection,
        *,
        service: str,
        catalogue: Catalogue,
        clock: Clock,
        person_keys: dict[UUID, bytes | None],
        store_person_keys: StorePersonKeys,
        check_loading: bool,
    ) -> None:
        """`person_keys` is the live key cache; `check_loading` asserts the discipline of `Tx` at one statement per batch."""
        self._engine, self._project, self._clock = engine, project, clock
        self._service, self._catalogue = service, catalogue
        self._person_keys, self._store_person_keys = person_keys, store_person_keys
        self._check_loading = check_loading

    async def run(self, use_case: UseCase[I, O], items: Sequence[I]) -> list[O | Broken]:
        """One outcome per item, in their order, all durable. Raises Unavailable when nothing can be decided now."""
        if not items:
            return []
        try:
            return [*await self._until_it_holds(use_case, items)]
        except Exception as error:
            if is_outage(error) or isinstance(error, KeyUnavailable):
                log.warning("batch_postponed", use_case=name_of(use_case), items=len(items), exc_info=error)
                raise Unavailable("the database or a person's key is out of reach") from error
            if len(items) == 1:
                log.error(
                    "item_broken",
                    use_case=name_of(use_case),
                    error=type(error).__name__,
                    exc_info=error,
                    runbook="docs/operations.md#unexpected-errors",
                )
                return [Broken(error)]
        metrics.BATCHES_SPLIT.labels(name_of(use_case)).inc()
        middle = len(items) // 2
        return [*await self.run(use_case, items[:middle]), *await self.run(use_case, items[middle:])]

    async def _until_it_holds(self, use_case: UseCase[I, O], items: Sequence[I]) -> Sequence[O]:
        taken: str | None = None
        for attempt in range(MAX_RERUNS):
            try:
                return await self._once(use_case, items)
            except Rerun:
                await asyncio.sleep(_pause(attempt - 1))
            except Exception as error:
                if not is_conflict(error) or attempt == MAX_RERUNS - 1:
                    raise
                before, taken = taken, taken_place(error)
                if taken is not None and taken == before:
                    raise  # whoever had the key was durable before this run began and was not looked for: no race
                metrics.CONFLICTS.labels(name_of(use_case)).inc()
                await asyncio.sleep(_pause(attempt))
        raise RuntimeError(f"{name_of(use_case)}: asked to start again {MAX_RERUNS} times")

    async def _once(self, use_case: UseCase[I, O], items: Sequence[I]) -> Sequence[O]:
        with metrics.BATCH_SECONDS.labels(name_of(use_case)).time():
            outcomes = await self._transaction(use_case, items)
        metrics.BATCH_ITEMS.labels(name_of(use_case)).observe(len(items))
        return outcomes

    async def _transaction(self, use_case: UseCase[I, O], items: Sequence[I]) -> Sequence[O]:
        async with self._engine.connect() as conn:
            tx = Tx(
                conn,
                now=self._clock.business(),
                wall=self._clock.wall(),
                service=self._service,
                catalogue=self._catalogue,
                person_keys=self._person_keys,
            )
            with own_work():
                outcomes = await use_case(tx, items)
                if len(outcomes) != len(items):
                    raise RuntimeError(f"{name_of(use_case)} answered {len(outcomes)} outcomes for {len(items)} items")
                if self._check_loading and (await conn.execute(_ASSIGNED)).scalar() is not None:
                    raise WroteWhileLoading(name_of(use_case))
                await self._write(tx, name_of(use_case))
            faults.point("before_commit", name_of(use_case))
            await conn.commit()
        self._person_keys.update(tx.new_person_keys)
        for call in tx.committed:
            call()
        metrics.EVENTS_APPENDED.inc(len(tx.recorded))
        return outcomes

    async def _write(self, tx: Tx, use_case: str) -> None:
        if tx.recorded:
            await eventlog.append(tx.conn, tx.payloads)
            faults.point("appended", use_case)
            await self._project(tx.conn, tx.recorded)
        if tx.new_person_keys:
            await self._store_person_keys(tx.conn, {s: k for s, k in tx.new_person_keys.items() if k is not None})
        for write in tx.writes:
            await write(tx.conn)


def _pause(attempt: int) -> float:
    """Two writers that met part ways; none before the first re-run that a use case asked for itself."""
    return random.uniform(0, 0.002 * 2 ** min(attempt, 6)) if attempt >= 0 else 0.0


def name_of(use_case: object) -> str:
    """What a use case is called in metrics, logs and crash points."""
    return getattr(use_case, "__name__", type(use_case).__name__)
