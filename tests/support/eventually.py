"""Waiting for a condition, never for a time: the bound is for what never comes, and no promise of speed hangs on it."""

import asyncio
import time
from collections.abc import Awaitable, Callable

POLL_S = 0.02


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 60.0, what: str = ""
) -> None:
    """Returns once the condition holds; AssertionError naming `what` if it does not within the time."""
    deadline = time.monotonic() + within_s
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return
        assert time.monotonic() < deadline, f"not within {within_s} s: {what or condition}"
        await asyncio.sleep(POLL_S)
