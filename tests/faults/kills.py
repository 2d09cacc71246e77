"""Random SIGKILL: any process of ours, at random moments, under load; each is started again after a second.

On a cluster its brokers and PostgreSQL are struck as well, one at a time: two of three replicas are what the settings promise to live with.
"""

from __future__ import annotations

import asyncio

from tests.faults.cells import ALWAYS, Injected
from tests.faults.ground import RESTART_AFTER_S, Ground
from tests.faults.results import Fault, Result, now
from tests.faults.stage import play

INVARIANTS = (*ALWAYS[:2], "I3", "I4", "I5", "I6", "I7", "I9", "I10", "I11")
EVERY_S = (0.8, 2.4)
"""Between two kills, at random: some meet a process that has just begun again, some meet two at once."""
BUDGET_S, CLUSTER_BUDGET_S = 6.0, 15.0
"""The last kill may have been a server's."""


async def play_kills(ground: Ground, kills: int, *, per_s: float, patience: float = 1.0) -> Result:
    """So many kills under load, as one cell."""
    seconds = kills * sum(EVERY_S) / 2
    cluster = len(ground.estate.stack.brokers) > 1
    name, budget_s = "random.kill", (CLUSTER_BUDGET_S if cluster else BUDGET_S) * patience
    result = Result(
        name,
        "all",
        "any, servers too" if cluster else "any of ours",
        Fault("random", "kill", "process", {"kills": kills}),
        ground.seed,
        planned=kills,
        per_s=per_s,
        budget_s=budget_s,
    )
    try:
        played = await play(
            ground,
            name,
            lambda: _kill(ground, kills),
            registrations=int(seconds * per_s),
            per_s=per_s,
            budget_s=budget_s,
            invariants=INVARIANTS,
        )
    except Exception as error:
        result.error = ground.broke(name, error)
        return result
    result.take(played)
    result.counts["kills"] = played.injected.fired
    return result


async def _kill(ground: Ground, kills: int) -> Injected:
    done, stack = 0, ground.estate.stack
    servers = ["postgres", *stack.brokers] if len(stack.brokers) > 1 else []
    while done < kills:
        await asyncio.sleep(ground.chance.uniform(*EVERY_S))
        alive = [name for name in ground.estate.names if ground.estate.running(name)]
        if not alive:
            continue
        struck = ground.chance.choice([*alive, *servers])
        if struck in servers:
            await stack.kill(struck)
            await asyncio.sleep(RESTART_AFTER_S)
            await stack.restart(struck)
        else:
            await ground.estate.kill(struck)
        done += 1
    return Injected(kills, done, "kill", now())
