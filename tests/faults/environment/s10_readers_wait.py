"""S10: PostgreSQL is away for a minute while batches wait in the topics (Digit-Core #1377: a consumer polled through the outage and lost them).
No offset moves, no record becomes a dead letter, no key parks; afterwards everything is applied once.
"""

from __future__ import annotations

import asyncio
import time

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_busy, violation
from tests.faults.environment.readers import Offsets, committed
from tests.faults.ground import Ground
from tests.support.estate import READS

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I9", "I10", "I11")
DOWN_S, SETTLES_S = 60, 3.0


@cell(
    "story.S10",
    fault="S10",
    service="chassis",
    process="postgres",
    action="down",
    invariants=INVARIANTS,
    tiers=("long",),
    budget_s=10,
)
async def database_away(ground: Ground) -> Injected:
    """Down for a minute; what readers commit for work that was done before has three seconds to be written down."""
    stack = ground.estate.stack
    async with flowing(ground):
        await until_busy(ground, "payments")
        await stack.kill("postgres")
        await asyncio.sleep(SETTLES_S)
        before = await offsets(ground)
        await asyncio.sleep(DOWN_S - SETTLES_S)
        moved = [place for place, at in (await offsets(ground)).items() if before.get(place) != at]
        down = 0 if stack.running("postgres") else DOWN_S
        await stack.restart("postgres")
        ended_at = time.monotonic()
    found = violation("I2", "committed offsets", expected="unmoved", actual=f"moved in {moved}", holds=not moved)
    return Injected(planned=DOWN_S, fired=down, unit="second", ended_at=ended_at, found=found)


async def offsets(ground: Ground) -> Offsets:
    """What every group of every service has committed."""
    found: Offsets = {}
    for reader in READS:
        found |= {(f"{reader}:{topic}", part): at for (topic, part), at in (await committed(ground, reader)).items()}
    return found
