"""F5: all brokers hang and wake, three times over, while events are published and read (librdkafka #4134 lost records in this). A cursor moves on
acknowledgements alone, so what was in flight is sent again by a new producer; readers skip what they know.
"""

from __future__ import annotations

import asyncio
import time

from tests.faults.cells import Injected, cell
from tests.faults.environment import brokers
from tests.faults.environment.busy import flowing, until_busy
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
ROUNDS, HANG_S, AWAKE_S = 3, 45.0, 20.0
PER_S = 10.0
"""Registrations: the load goes on while the backlog of 45 s is worked off, and at 20/s three brokers and all processes keep two cores busy as it is
(decision 065)."""


@cell(
    "env.F5.relay",
    fault="F5",
    service="registration",
    process="registration-relay",
    invariants=INVARIANTS,
    tiers=("long",),
    brokers=3,
    budget_s=20,
)
async def relay(ground: Ground) -> Injected:
    """People register all the while: the relay has something in flight whenever the brokers stop."""
    async with flowing(ground, per_s=PER_S):
        return await hang(ground, "registration")


@cell(
    "env.F5.readers",
    fault="F5",
    service="payments",
    process="payments-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
    brokers=3,
    budget_s=20,
)
async def readers(ground: Ground) -> Injected:
    """Readers that are killed while the brokers hang have to find their place when they wake."""
    async with flowing(ground, per_s=PER_S):
        return await hang(ground, "payments", kill="payments-consumers")


async def hang(ground: Ground, busy: str, *, kill: str = "") -> Injected:
    """Three rounds; `kill`: a process of ours that dies in every one of them."""
    names, fired = ground.estate.stack.brokers, 0
    for _ in range(ROUNDS):
        await until_busy(ground, busy, within_s=60)
        brokers.freeze(ground, names)
        fired += int(HANG_S) * all(brokers.frozen(ground, name) for name in names)
        await asyncio.sleep(HANG_S / 2)
        if kill:
            await ground.estate.kill(kill)
        await asyncio.sleep(HANG_S / 2)
        brokers.thaw(ground, names)
        ended_at = time.monotonic()
        await asyncio.sleep(AWAKE_S)
    return Injected(planned=ROUNDS * int(HANG_S), fired=fired, unit="second", ended_at=ended_at)
