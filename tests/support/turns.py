"""Two transactions that meet in a chosen order: one stays open, decided and not yet written, while the other goes as far as it can."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import sqlalchemy as sa

from chassis.ids import new_id
from chassis.timers import Due, Timer
from chassis.transaction import Meta, Tx, UseCase
from tests.support.eventually import eventually
from tests.support.service import Harness

I = TypeVar("I")  # noqa: E741
O = TypeVar("O")  # noqa: E741
_WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


class Held(Generic[I, O]):
    """A use case whose transaction stays open, decided and not yet written, until `go`."""

    __name__ = "held"

    def __init__(self, use_case: UseCase[I, O]) -> None:
        self._use_case = use_case
        self.decided, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, tx: Tx, items: Sequence[I], /) -> Sequence[O]:
        outcomes = await self._use_case(tx, items)
        self.decided.set()
        await self.go.wait()
        return outcomes


async def side_by_side(
    h: Harness, use_case: UseCase[I, O], items: Sequence[I], meanwhile: Callable[[], Awaitable[object]]
) -> None:
    """`meanwhile` begins while the transaction of these items is open, and goes as far as it can before that ends."""
    held = Held(use_case)
    one = asyncio.create_task(h.run(held, items))
    await held.decided.wait()
    other = asyncio.ensure_future(meanwhile())

    async def stands() -> bool:
        async with h.app.read() as conn:
            return other.done() or bool((await conn.execute(_WAITING)).scalar_one())

    await eventually(stands)
    held.go.set()
    await asyncio.gather(one, other)


async def listed(h: Harness, name: str) -> tuple[Timer, list[Due]]:
    """What one process looked up and has not worked yet."""
    (timer,) = [timer for timer in h.app.composition.timers if timer.name == name]
    now = h.clock.business()
    async with h.app.read() as conn:
        keys = await timer.due(conn, now, timer.batch)
    assert keys, name
    return timer, [Due(key, Meta("tests", new_id()), now) for key in keys]
