"""F4: brokers of a cluster die, hang or lose their office under load. Nothing that was acknowledged is missing, every key keeps its order.

In the test tier F4g alone, with the one broker there is, for twenty seconds: answers go on without it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from tests.faults.cells import Injected, cell
from tests.faults.environment import brokers
from tests.faults.environment.busy import flowing, until_busy, until_recorded
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
THREE: dict[str, Any] = {"service": "chassis", "invariants": INVARIANTS, "tiers": ("long",), "brokers": 3}
DOWN_S, BACK_AFTER_S, HANGS_S, FOLLOWERS_HANG_S, TWO_DOWN_S = 20.0, 5.0, 45.0, 2.0, 30.0


@cell("env.F4g", fault="F4g", service="chassis", process="kafka", invariants=INVARIANTS, budget_s=20, tiers=("test",))
async def the_only_one_killed(ground: Ground) -> Injected:
    return await all_killed(ground)


@cell("env.F4g.three", fault="F4g", process="kafka", budget_s=20, **THREE)
async def all_three_killed(ground: Ground) -> Injected:
    return await all_killed(ground)


@cell("env.F4a", fault="F4a", process="kafka", budget_s=15, action="kill", **THREE)
async def leader_killed(ground: Ground) -> Injected:
    """Its followers hang for two seconds before: what it acknowledged then would be lost with it."""
    name = await brokers.leader(ground)
    followers = [other for other in ground.estate.stack.brokers if other != name]
    async with flowing(ground):
        await until_busy(ground, "registration")
        brokers.freeze(ground, followers)
        hang = sum(brokers.frozen(ground, other) for other in followers)
        await asyncio.sleep(FOLLOWERS_HANG_S)
        await ground.estate.stack.kill(name)
        brokers.thaw(ground, followers)
        ended_at = time.monotonic()
        await asyncio.sleep(BACK_AFTER_S)
    fired = int(hang == len(followers) and not ground.estate.stack.running(name))
    await ground.estate.stack.restart(name)
    return Injected(planned=1, fired=fired, unit="kill", ended_at=ended_at)


@cell("env.F4b", fault="F4b", process="kafka", budget_s=15, action="stop", **THREE)
async def leader_hangs(ground: Ground) -> Injected:
    """Long enough for another to be elected; then it wakes and believes to lead."""
    name = await brokers.leader(ground)
    async with flowing(ground, per_s=10):
        await until_busy(ground, "registration")
        brokers.freeze(ground, [name])
        fired = int(HANGS_S) if brokers.frozen(ground, name) else 0
        await asyncio.sleep(HANGS_S)
        brokers.thaw(ground, [name])
        ended_at = time.monotonic()
    return Injected(planned=int(HANGS_S), fired=fired, unit="second", ended_at=ended_at)


@cell("env.F4c", fault="F4c", process="kafka", budget_s=15, action="kill", **THREE)
async def coordinator_killed(ground: Ground) -> Injected:
    group = f"{ground.estate.stack.topic_prefix}payments.participants"
    return await one_killed(ground, await brokers.coordinator(ground, group))


@cell("env.F4d", fault="F4d", process="kafka", budget_s=15, action="kill", **THREE)
async def controller_killed(ground: Ground) -> Injected:
    return await one_killed(ground, brokers.controller(ground))


@cell("env.F4e", fault="F4e", process="kafka", budget_s=15, action="term", **THREE)
async def rolling_restart(ground: Ground) -> Injected:
    """One after the other, each once the one before holds everything again."""
    stack, fired = ground.estate.stack, 0
    async with flowing(ground, per_s=10):
        for name in stack.brokers:
            await until_busy(ground, "registration")
            await stack.stop(name)
            fired += not stack.running(name)
            await stack.restart(name)
    return Injected(planned=len(stack.brokers), fired=fired, unit="kill", ended_at=time.monotonic())


@cell("env.F4f", fault="F4f", process="kafka", budget_s=20, action="kill", **THREE)
async def two_of_three_down(ground: Ground) -> Injected:
    """Below min in-sync nothing can be published; people are registered and payments answered all the while."""
    stack = ground.estate.stack
    gone = stack.brokers[:2]
    return await down(ground, gone, TWO_DOWN_S)


async def all_killed(ground: Ground) -> Injected:
    """Every broker there is, together."""
    return await down(ground, ground.estate.stack.brokers, DOWN_S)


async def down(ground: Ground, names: Sequence[str], seconds: float) -> Injected:
    """These brokers by SIGKILL, together, for so long; registrations must be accepted meanwhile (TimeoutError if they are not)."""
    stack = ground.estate.stack
    async with flowing(ground):
        await asyncio.gather(*(stack.kill(name) for name in names))
        fired = sum(not stack.running(name) for name in names)
        goes_on = until_recorded(ground, "registration", 20, within_s=seconds)
        await asyncio.gather(goes_on, asyncio.sleep(seconds))  # how long the fault lasts
    await asyncio.gather(*(stack.restart(name) for name in names))
    return Injected(planned=len(names), fired=fired, unit="kill", ended_at=time.monotonic())


async def one_killed(ground: Ground, name: str) -> Injected:
    """A broker by SIGKILL under load; the others carry on, and it comes back later."""
    stack = ground.estate.stack
    async with flowing(ground):
        await until_busy(ground, "registration")
        await stack.kill(name)
        fired, ended_at = int(not stack.running(name)), time.monotonic()
        await asyncio.sleep(BACK_AFTER_S)
    await stack.restart(name)
    return Injected(planned=1, fired=fired, unit="kill", ended_at=ended_at)
