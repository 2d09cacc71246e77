"""I8: the archive is complete, unaltered and consistent with every older checkpoint. There is no archive yet: not run."""

from __future__ import annotations

from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World


async def check(world: World, tally: Tally) -> None:
    """Looks at nothing, and says so by its status."""
