"""Crash points that need a stage of their own: the retry of a parked key (K1, K2)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import asyncpg

from tests.faults.cells import ALWAYS, Injected
from tests.faults.crash import BUDGET_S, fired
from tests.faults.ground import Ground
from tests.faults.results import Fault, Result, now
from tests.faults.stage import play
from tests.support.eventually import eventually

K_INVARIANTS = (*ALWAYS[:2], "I3", "I4", "I5", "I6", "I9", "I10", "I11")
PARKED = "payments-consumers"


async def play_apart(ground: Ground, point: str, action: str, *, patience: float = 1.0) -> Result:
    """One of K1, K2."""
    log = ground.folder / "cells" / f"fired-{point}-{action}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    fault = Fault(point, action, "process", {"hit": 1, "at": point})
    budget_s = BUDGET_S[action] * patience
    result = Result(f"crash.{point}.{action}", "payments", PARKED, fault, ground.seed, planned=1, budget_s=budget_s)
    try:
        played = await play(
            ground,
            result.cell,
            lambda: _retry_parked(ground, point, action, log, patience),
            registrations=30,
            per_s=15,
            budget_s=budget_s,
            invariants=K_INVARIANTS,
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
