"""F16: one of two members of a reader is killed and started again every two seconds for a minute. The other goes on: no window of ten seconds without
progress, no loop of rebalances.
"""

from __future__ import annotations

import asyncio
import time

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, position
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
LASTS_S, EVERY_S, WINDOW_S = 60.0, 2.0, 10.0


@cell(
    "env.F16.payments",
    fault="F16",
    service="payments",
    process="payments-consumers-1",
    invariants=INVARIANTS,
    tiers=("long",),
    budget_s=15,
)
async def payments(ground: Ground) -> Injected:
    return await restless(ground, "payments")


@cell(
    "env.F16.notifications",
    fault="F16",
    service="notifications",
    process="notifications-consumers-1",
    invariants=INVARIANTS,
    tiers=("long",),
    budget_s=15,
)
async def notifications(ground: Ground) -> Injected:
    return await restless(ground, "notifications")


async def restless(ground: Ground, service: str) -> Injected:
    """A second member joins, dies every two seconds, and is gone for good at the end."""
    estate, name, planned = ground.estate, f"{service}-consumers-1", int(LASTS_S / EVERY_S)
    fired, stood = 0, []
    async with ground.held(name), flowing(ground, per_s=10):
        await estate.add(name, service=service, roles="consumers")
        began = window = time.monotonic()
        last = await position(ground, service)
        while time.monotonic() < began + LASTS_S:
            await estate.kill(name)
            fired += 1
            await estate.start(name)
            await asyncio.sleep(EVERY_S)
            if time.monotonic() >= window + WINDOW_S:
                now = await position(ground, service)
                stood += [f"{window - began:.0f} s"] if now == last else []
                last, window = now, time.monotonic()
        await estate.kill(name)
        del estate.children[name]
    return Injected(
        planned=fired,
        fired=fired if fired >= planned // 2 else 0,
        unit="kill",
        ended_at=time.monotonic(),
        found={"I2": [standstill(service, when) for when in stood]},
    )


def standstill(service: str, when: str) -> dict[str, str]:
    return {"where": f"{service}.event_log", "key": when, "expected": "progress within 10 s", "actual": "none"}
