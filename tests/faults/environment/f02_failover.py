"""F2: PostgreSQL dies for good and its standby takes over. A synchronous one has everything that was answered.

An asynchronous one has a window of loss: f02_lost_window.
"""

from __future__ import annotations

import time

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_busy
from tests.faults.environment.standby import standby_of
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")


@cell(
    "env.F2.registration",
    fault="F2",
    service="registration",
    process="postgres",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registration(ground: Ground) -> Injected:
    return await fail_over(ground, "registration")


@cell("env.F2.payments", fault="F2", service="payments", process="postgres", invariants=INVARIANTS, tiers=("long",))
async def payments(ground: Ground) -> Injected:
    return await fail_over(ground, "payments")


async def fail_over(ground: Ground, busy: str) -> Injected:
    """SIGKILL under load, promotion, and the same address for what was the standby."""
    stack = ground.estate.stack
    async with standby_of(stack, synchronous=True) as standby, flowing(ground):
        await until_busy(ground, busy)
        await stack.kill("postgres")
        fired = not stack.running("postgres")
        await standby.take_over()
        ended_at = time.monotonic()
    return Injected(
        planned=1,
        fired=int(fired),
        unit="kill",
        ended_at=ended_at,
        operator_actions=["standby promoted"],
        standby="sync",
    )
