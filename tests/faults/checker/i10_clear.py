"""stub"""

from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World


async def check(world: World, tally: Tally) -> None: ...
