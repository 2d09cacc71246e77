"""I11: alone and in time. From some sample on, and to the last one, all is ready, nothing older than a second is unpublished and the lag is
at most a second of load; that sample lies within the budget. Samples are the cell's, seconds from the end of the fault.
"""

from __future__ import annotations

from tests.faults.checker.facts import Planted
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World

OLDEST_UNPUBLISHED_S = 1.0


async def check(world: World, tally: Tally) -> None:
    """Not run where nothing had to recover."""
    recovery = world.planted.recovery
    if recovery is None:
        return
    budget, seconds = float(recovery["budget_s"]), recovered_after(world.planted)
    actual = "never" if seconds is None else f"{seconds:.2f} s"
    tally.see(seconds is not None and seconds <= budget, "recovery", "", expected=f"≤ {budget:g} s", actual=actual)
    tally.checked = max(tally.checked, len(recovery["samples"]))


def recovered_after(planted: Planted) -> float | None:
    """Seconds from the end of the fault; None when nothing had to recover, or nothing did."""
    recovery = planted.recovery
    if recovery is None:
        return None
    since: float | None = None
    for at, ready, oldest_unpublished, lag in recovery["samples"]:
        well = (
            bool(ready)
            and oldest_unpublished <= OLDEST_UNPUBLISHED_S
            and lag <= max(float(recovery["load_per_s"]), 1.0)
        )
        since = (float(at) if since is None else since) if well else None
    return since
