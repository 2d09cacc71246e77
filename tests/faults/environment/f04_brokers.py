"""F4: brokers die. In the test tier the one there is, for twenty seconds: answers go on without it, nothing acknowledged is missing after it."""

from __future__ import annotations

import asyncio
import time

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_recorded
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
DOWN_S = 20.0


@cell("env.F4g", fault="F4g", service="chassis", process="kafka", invariants=INVARIANTS, budget_s=20)
async def all_killed(ground: Ground) -> Injected:
    """Every broker there is (one, or three) by SIGKILL, together; registrations are accepted all the while."""
    stack = ground.estate.stack
    async with flowing(ground):
        await asyncio.gather(*(stack.kill(name) for name in stack.brokers))
        fired = sum(not stack.running(name) for name in stack.brokers)
        goes_on = until_recorded(ground, "registration", 20, within_s=DOWN_S)
        await asyncio.gather(goes_on, asyncio.sleep(DOWN_S))  # how long the fault lasts
    await asyncio.gather(*(stack.restart(name) for name in stack.brokers))
    return Injected(planned=len(stack.brokers), fired=fired, unit="kill", ended_at=time.monotonic())
