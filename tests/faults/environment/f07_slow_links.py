"""F7: the link of one process is slow: half a second to five each way, or a kilobyte a second, for a minute. What times out is asked again; a relay
that loses its lease meanwhile moves no cursor.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, settled
from tests.faults.environment.links import WAYS, Way, linked, sent_again
from tests.faults.ground import Ground
from tests.support.proxy import Weather

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
LASTS_S, FIRST_S, BUDGET_S = 60, 5.0, 30.0
WEATHERS = {"late": Weather(latency_s=2.75, jitter_s=2.25), "narrow": Weather(bytes_per_s=1_000)}


async def slow(ground: Ground, way: Way, weather: Weather) -> Injected:
    """Bad weather for a minute under little load; then as before."""
    async with linked(ground, way) as door:
        async with flowing(ground, per_s=5):
            await asyncio.sleep(FIRST_S)  # so that the process is in the middle of its work
            door.weather = weather
            await asyncio.sleep(LASTS_S)
            fired = LASTS_S if door.weather == weather else 0
            door.weather = Weather()
            ended_at = time.monotonic()
        until = await settled(ground, since=ended_at)
        found = await sent_again(ground, way, since=ended_at, within_s=BUDGET_S)
    return Injected(planned=LASTS_S, fired=fired, unit="second", ended_at=ended_at, until=until, found=found)


for _way in WAYS:
    for _name, _weather in WEATHERS.items():
        cell(
            f"env.F7.{_way.name}.{_name}",
            fault="F7",
            service=_way.service,
            process=_way.process,
            action=_name,
            invariants=INVARIANTS,
            tiers=("long",),
            budget_s=BUDGET_S,
            params={"seconds": LASTS_S, "link": _way.name},
        )(partial(slow, way=_way, weather=_weather))
