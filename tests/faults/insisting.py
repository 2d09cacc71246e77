"""Asking until there is an answer: the process that is asked may be the one that dies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from deploy.local.trouble import Trouble
from tests.support.eventually import eventually

WITHIN_S = 60.0


async def insist(what: str, ask: Callable[[], Awaitable[Any]]) -> None:
    """`ask` can be made again, whatever became of it the last time; AssertionError naming `what` when no answer comes."""

    async def answered() -> bool:
        try:
            await ask()
        except (httpx.HTTPError, Trouble):
            return False
        return True

    await eventually(answered, within_s=WITHIN_S, what=what)
