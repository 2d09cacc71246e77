"""A clock that never waits: an event loop whose time jumps to the next thing that is due. A day of retries takes milliseconds."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
BEGIN = datetime(2025, 10, 6, 2, 0, tzinfo=UTC)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Nothing in it may wait for the outside: there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        heap: list[Any] = self._scheduled  # type: ignore[attr-defined]
        while heap and heap[0]._cancelled:
            heapq.heappop(heap)._scheduled = False
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
        if not self._ready:  # type: ignore[attr-defined]
            assert heap, "everybody waits for everybody"
            self._now = max(self._now, heap[0]._when)
        super()._run_once()  # type: ignore[misc]


class VirtualClock:
    """Both clocks of a process in the loop's time."""

    def business(self) -> datetime:
        return self.wall()

    def wall(self) -> datetime:
        return BEGIN + timedelta(seconds=now())


def now() -> float:
    """Seconds since the model began."""
    return asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, T]) -> T:
    """Runs to the end in virtual time; tasks that are left over are cancelled."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()
