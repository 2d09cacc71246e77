"""Several processes of one service on one database, so that requests really race: transactions, connections and doors of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from chassis.service import App
from tests.integration.payments.bank import Bank
from tests.support.service import Harness


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
