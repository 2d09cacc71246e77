"""F6: the link of one process is cut, both ways or for the answers alone, for five seconds and then for a minute. Nobody is told; after healing the
process works again within ten seconds, and nothing of what it did or asked meanwhile counts twice.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, settled
from tests.faults.environment.links import WAYS, Way, linked, sent_again
from tests.faults.ground import Ground
from tests.support.proxy import Direction

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
LASTS_S = (5, 60)
BETWEEN_S, BUDGET_S = 15.0, 10.0
CUTS: dict[str, tuple[Direction, ...]] = {"both": (), "answers": ("answers",)}


async def cut(ground: Ground, way: Way, directions: tuple[Direction, ...]) -> Injected:
    """A short cut, a pause, a long one; under load from before the first until the process is well after the last."""
    fired = 0
    async with linked(ground, way) as door:
        async with flowing(ground, per_s=10):
            for lasts in LASTS_S:
                await asyncio.sleep(BETWEEN_S)  # so that the process is in the middle of its work
                passed = door.accepted
                door.cut(*directions)
                await asyncio.sleep(lasts)
                fired += lasts if passed else 0
                door.heal()
                ended_at = time.monotonic()
        until = await settled(ground, since=ended_at)
        found = await sent_again(ground, way, since=ended_at, within_s=BUDGET_S)
    return Injected(planned=sum(LASTS_S), fired=fired, unit="second", ended_at=ended_at, until=until, found=found)


for _way in WAYS:
    for _name, _directions in CUTS.items():
        cell(
            f"env.F6.{_way.name}.{_name}",
            fault="F6",
            service=_way.service,
            process=_way.process,
            action=f"cut {_name}",
            invariants=INVARIANTS,
            tiers=("long",),
            budget_s=BUDGET_S,
            params={"seconds": list(LASTS_S), "link": _way.name},
        )(partial(cut, way=_way, directions=_directions))
