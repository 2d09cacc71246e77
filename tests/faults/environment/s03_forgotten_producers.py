"""S3: a broker forgets its producers within seconds and is restarted under load (aiokafka #1017, librdkafka #3584: a producer whose sequence the
broker does not know was wedged until somebody restarted it). The relay builds a new one and goes on, with everything in its order.
"""

from __future__ import annotations

import asyncio
import time

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_busy, until_recorded
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
FORGETS = {"producer.id.expiration.ms": "2000", "producer.id.expiration.check.interval.ms": "500"}
SILENT_S = 4.0
RESTARTS = 2


@cell(
    "story.S3",
    fault="S3",
    service="chassis",
    process="kafka",
    action="forget",
    invariants=INVARIANTS,
    tiers=("long",),
    budget_s=20,
)
async def producers_forgotten(ground: Ground) -> Injected:
    """Two restarts of a forgetful broker, and a silence in which every producer expires; the broker is as it was afterwards."""
    stack, fired = ground.estate.stack, 0
    (name,) = stack.brokers
    stack.more[name] = FORGETS
    try:
        for _ in range(RESTARTS):
            async with flowing(ground):
                await until_busy(ground, "registration")
                await stack.kill(name)
                fired += not stack.running(name)
                await until_recorded(ground, "registration", 20)
                await stack.restart(name)
                await ground.until_well(within_s=60)
            await asyncio.sleep(SILENT_S)
    finally:
        del stack.more[name]
    async with flowing(ground):
        await until_busy(ground, "payments")
    await stack.kill(name)
    await stack.restart(name)
    return Injected(planned=RESTARTS, fired=fired, unit="kill", ended_at=time.monotonic())
