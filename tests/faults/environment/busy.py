"""When a fault strikes: while the service in question is writing events, seen from outside by its own log."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

from tests.faults.watch import RECORDS_PER_PERSON
from tests.support.eventually import eventually

if TYPE_CHECKING:
    from tests.faults.ground import Ground

Found: TypeAlias = dict[str, Sequence[Mapping[str, str]]]
"""Violations that a cell saw while it ran, by invariant."""

_LAST = "SELECT COALESCE(max(position), 0) AS position FROM event_log"
_CAUSED = "SELECT count(*) AS n FROM event_log WHERE causation_id IS NOT NULL"
LOOKS, GROWN = 0.1, 5


async def position(ground: Ground, service: str) -> int:
    """How far the log of a service has come."""
    (row,) = await ground.estate.town.rows(service, _LAST)
    return int(row["position"])


async def until_busy(ground: Ground, service: str, *, events: int = GROWN, within_s: float = 30.0) -> None:
    """Returns when the service has just recorded a few events within a tenth of a second; TimeoutError if it stays idle."""
    async with asyncio.timeout(within_s):
        before = await position(ground, service)
        while True:
            await asyncio.sleep(LOOKS)
            now = await position(ground, service)
            if now - before >= events:
                return
            before = now


async def until_recorded(ground: Ground, service: str, events: int, *, within_s: float = 60.0) -> None:
    """Returns when the service has recorded so many more events."""
    goal = await position(ground, service) + events
    async with asyncio.timeout(within_s):
        while await position(ground, service) < goal:
            await asyncio.sleep(LOOKS)


async def until_caused(ground: Ground, reader: str, events: int, *, within_s: float = 60.0) -> None:
    """Returns when the reader has recorded so many more events because of others'."""

    async def caused() -> int:
        (row,) = await ground.estate.town.rows(reader, _CAUSED)
        return int(row["n"])

    goal = await caused() + events
    async with asyncio.timeout(within_s):
        while await caused() < goal:
            await asyncio.sleep(LOOKS)


@asynccontextmanager
async def flowing(ground: Ground, *, per_s: float = 20.0) -> AsyncIterator[None]:
    """People go on registering as long as the block lasts, however long the fault takes; each gets their answer before it ends.

    A second of this load is what readers may be behind when all is well again.
    """
    enough, ground.per_s = asyncio.Event(), per_s

    async def register() -> None:
        while not enough.is_set():
            await ground.driver.register(int(per_s), per_s=per_s)

    registering = asyncio.create_task(register())
    try:
        yield
    finally:
        enough.set()
        await registering


async def settled(ground: Ground, *, since: float, within_s: float = 60.0) -> float:
    """Waits until all is well since then, at most so long. Gives the moment: what a cell that puts a process back as it was says as `until`."""
    with contextlib.suppress(AssertionError):  # the samples tell I11 that it was not
        await eventually(
            lambda: ground.watch.well(since=since, per_s=ground.per_s * RECORDS_PER_PERSON),
            within_s=within_s,
            what="processes ready and events flowing again",
        )
    return time.monotonic()


def violation(invariant: str, where: str, *, expected: str, actual: str, holds: bool) -> Found:
    """What a cell saw, unless it is as it must be."""
    return {} if holds else {invariant: [{"where": where, "key": "", "expected": expected, "actual": actual}]}
