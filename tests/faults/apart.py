"""Crash points that need a stage of their own: the retry of a parked key (K1, K2) and a replay (Y1, Y2)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg

from deploy.local import places
from tests.faults.cells import ALWAYS, Injected
from tests.faults.crash import BUDGET_S, fired
from tests.faults.ground import Ground
from tests.faults.results import Fault, Result, now
from tests.faults.stage import play
from tests.support.eventually import eventually

K_INVARIANTS = (*ALWAYS[:2], "I3", "I4", "I5", "I6", "I9", "I10", "I11")
Y_INVARIANTS = (*ALWAYS, "I7")
PARKED = "payments-consumers"


async def play_apart(ground: Ground, point: str, action: str, *, patience: float = 1.0) -> Result:
    """One of K1, K2, Y1, Y2."""
    log = ground.folder / "cells" / f"fired-{point}-{action}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    acts: dict[str, Callable[[], Awaitable[Injected]]] = {
        "K": lambda: _retry_parked(ground, point, action, log, patience),
        "Y": lambda: _replay(ground, point, action, log),
    }
    process = PARKED if point.startswith("K") else "payments replay"
    fault = Fault(point, action, "process", {"hit": 1, "at": point})
    budget_s = BUDGET_S[action] * patience
    result = Result(f"crash.{point}.{action}", "payments", process, fault, ground.seed, planned=1, budget_s=budget_s)
    try:
        played = await play(
            ground,
            result.cell,
            acts[point[0]],
            registrations=30,
            per_s=15,
            budget_s=budget_s,
            invariants=K_INVARIANTS if point.startswith("K") else Y_INVARIANTS,
        )
    except Exception as error:
        result.error = ground.broke(result.cell, error)
        return result
    result.take(played)
    result.counts["kills"] = int(action == "kill")
    return result


async def _retry_parked(ground: Ground, point: str, action: str, log: Path, patience: float) -> Injected:
    """A constraint nobody expects parks whoever registers; once it is gone, the retry is what breaks off."""
    owner = await asyncpg.connect(ground.estate.stack.databases.url("payments", "owner"))
    try:
        await owner.execute("ALTER TABLE bills ADD CONSTRAINT trap CHECK (participant_id IS NULL) NOT VALID")
        await ground.driver.register(2, per_s=10, paying=1)
        await eventually(lambda: _some_parked(ground), within_s=30 * patience, what="a key parks")
        await owner.execute("ALTER TABLE bills DROP CONSTRAINT trap")
    finally:
        await owner.close()
    await ground.restart(PARKED, FAULT_AT=point, FAULT_ACTION=action, FAULT_LOG=str(log))
    pid = ground.estate.pid(PARKED)
    await ground.operate(PARKED, "/ops/parked/retry")
    await eventually(lambda: fired(log, pid), within_s=20, what=f"{point} fired")
    if action == "stop":
        await asyncio.sleep(15)
        os.kill(pid, 18)
    else:
        await eventually(lambda: not ground.estate.running(PARKED) or ground.estate.pid(PARKED) != pid, within_s=40)
    ended = now()
    await ground.until_well(within_s=60)
    await ground.operate(PARKED, "/ops/parked/retry")
    await eventually(lambda: _none_parked(ground), within_s=30, what="nothing is parked")
    return Injected(1, 1, action, ended, operator_actions=["perisai parked retry payments"])


async def _some_parked(ground: Ground) -> bool:
    return await _parked(ground) > 0


async def _none_parked(ground: Ground) -> bool:
    return await _parked(ground) == 0


async def _parked(ground: Ground) -> int:
    found = await ground.estate.town.rows("payments", "SELECT count(*) AS n FROM progress WHERE parked IS NOT NULL")
    return int(found[0]["n"])


async def _replay(ground: Ground, point: str, action: str, log: Path) -> Injected:
    """A replay that is killed leaves nothing that the next one could stumble over: I7 runs it again."""
    command = ground.estate.facts()["commands"]["replay"]["payments"]
    faults = {"FAULT_AT": point, "FAULT_ACTION": action, "FAULT_LOG": str(log)}
    running = await asyncio.create_subprocess_exec(
        *command["argv"],
        env=command["env"] | faults,
        cwd=places.PROJECT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await eventually(lambda: fired(log, running.pid), within_s=60, what=f"{point} fired")
        if action == "stop":
            await asyncio.sleep(15)
            os.kill(running.pid, 18)
        await asyncio.wait_for(running.wait(), 60)
    finally:
        if running.returncode is None:
            running.kill()
    return Injected(1, 1, action, now())
