"""Several processes of one service on one database, so that requests really race: transactions, connections and doors of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import asyncpg

from chassis.service import App
from tests.integration.payments.bank import Bank
from tests.support.eventually import eventually
from tests.support.service import Harness
from tests.support.stack import Stack

T = TypeVar("T")
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@asynccontextmanager
async def processes(h: Harness, number: int) -> AsyncIterator[list[Harness]]:
    """`h` and further processes beside it, up to this number; a bank's token and the persons' keys of `h` hold at all."""
    async with AsyncExitStack() as ending:
        found = [h]
        for _ in range(number - 1):
            app = App(h.service, h.app.settings, clock=h.clock)
            ending.push_async_callback(app.close)
            other = Harness(h.service, app, h.clock)
            other.app.keys.cache.update(h.app.keys.cache)
            ending.push_async_callback(other.client.aclose)
            found.append(other)
        yield found


def branches(bank: Bank, hs: list[Harness]) -> list[Bank]:
    """The same bank, calling each of the processes."""
    return [replace(bank, h=h) for h in hs]


async def raced(stack: Stack, h: Harness, table: str, calls: Sequence[Awaitable[T]], *, writers: int) -> list[T]:
    """Makes the calls, and lets nobody write to the table before so many transactions want to: each has loaded by then.

    Without this the first is through before another begins: one event loop makes them all.
    """
    url = stack.admin_of(h.app.settings.database_url)
    gate, watcher = await asyncpg.connect(url), await asyncpg.connect(url)

    async def all_there() -> bool:
        return int(await watcher.fetchval(_WAITING)) >= writers

    try:
        async with gate.transaction():
            await gate.execute(f'LOCK TABLE "{table}" IN SHARE ROW EXCLUSIVE MODE')
            answers = asyncio.gather(*calls)
            await eventually(all_there, within_s=60, what=f"{writers} transactions at {table}")
        return [*await answers]
    finally:
        await gate.close()
        await watcher.close()
