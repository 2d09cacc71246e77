"""What a process knows of the database for a while, so that nobody waits for it to be read again.

A copy is at most `ttl_s` old by the process's clock; a change made in this process forgets it at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Cached(Generic[T]):
    def __init__(self, load: Callable[[], Awaitable[T]], *, ttl_s: float) -> None:
        self._load, self._ttl_s = load, ttl_s
        self._found: T | None = None
        self._until = 0.0
        self._changes = 0
        self._reading = asyncio.Lock()

    def forget(self) -> None:
        """The next question reads again."""
        self._until = 0.0
        self._changes += 1

    async def get(self) -> T:
        """At most `ttl_s` old; whoever asks meanwhile waits for the one that reads. Raises the database's errors."""
        if self._found is None or time.monotonic() >= self._until:
            async with self._reading:
                if self._found is None or time.monotonic() >= self._until:
                    until, changes = time.monotonic() + self._ttl_s, self._changes
                    self._found = await self._load()
                    # what changed while we were reading may be missing in it
                    self._until = until if changes == self._changes else 0.0
        return self._found
