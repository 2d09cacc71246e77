"""Work that outlives the request that asked for it, kept so that it can be finished."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Background work of one process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begins it; a failure is logged once it is known."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def finish(self, within_s: float) -> None:
        """Waits for all of it, then cuts short what is left."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=within_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logging.error("background work failed", exc_info=error)
