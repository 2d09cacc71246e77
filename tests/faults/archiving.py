"""Crash points of audit (A1–A5), and of a replay that a service runs and audit feeds and records (Y1–Y3): one act under load, in which audit plays.

Of each process its points are struck one after the other, each time in a process that was started for it; so all of them are one load, one drain
and one verdict, and audit costs the other rounds nothing (decision 260).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local import places
from tests.faults.audited import SIGNS_EVERY_S, audited
from tests.faults.cells import Injected
from tests.faults.crash import (
    ASLEEP_S,
    BUDGET_S,
    FIRED_WITHIN_S,
    INVARIANTS,
    PACKED_S,
    ended_badly,
    fired,
    gone,
    result_of,
)
from tests.faults.environment.busy import violation
from tests.faults.ground import AUDIT, Ground
from tests.faults.points import Point
from tests.faults.results import Result, now
from tests.faults.stage import play
from tests.support.eventually import eventually
from tests.support.perisai import Typed, typed

OF_ARCHIVE = (*INVARIANTS[:-1], "I7", "I8", INVARIANTS[-1])
REPLAYED = "registration"
"""Whose state is replayed from the archive: it has personal data, and few events for each person."""
LOAD, PER_S = 180, 12
REPLAY_WITHIN_S = 90.0


@dataclass
class Struck:
    """What came of the strikes so far."""

    ids: set[str] = field(default_factory=set)
    ended_at: float = 0.0
    found: dict[str, list[Mapping[str, str]]] = field(default_factory=dict)

    def see(self, found: Mapping[str, Sequence[Mapping[str, str]]]) -> None:
        for invariant, wrong in found.items():
            self.found.setdefault(invariant, []).extend(wrong)


async def play_archiving(
    ground: Ground, points: Sequence[Point], action: str, *, patience: float = 1.0
) -> list[Result]:
    """One result per point, as of a round."""
    struck, kills = Struck(), ground.kills
    budget_s = (PACKED_S if len(points) > 1 else BUDGET_S)[action] * patience
    name = f"crash.{'+'.join(point.id for point in points)}.{action}"
    try:
        async with audited(ground):
            played = await play(
                ground,
                name,
                lambda: _inject(ground, points, action, struck),
                registrations=LOAD,
                per_s=PER_S,
                budget_s=budget_s,
                invariants=OF_ARCHIVE,
            )
    except Exception as error:
        why = ground.broke(name, error)
        return [
            result_of(ground, point, action, None, point.id in struck.ids, PER_S, budget_s, why) for point in points
        ]
    results = [result_of(ground, p, action, played, p.id in struck.ids, PER_S, budget_s, None) for p in points]
    for result in results:
        result.counts.clear()
    results[0].counts |= {"kills": ground.kills - kills, "registrations": played.registrations}
    return results


async def _inject(ground: Ground, points: Sequence[Point], action: str, struck: Struck) -> Injected:
    replays = [point for point in points if point.process == REPLAYED]
    chains = {point.process: [p for p in points if p.process == point.process] for point in points}
    await asyncio.gather(
        *(_one_after_the_other(ground, chain, action, struck) for name, chain in chains.items() if name != REPLAYED)
    )
    if replays:
        await _replays(ground, replays, action, struck)
    return Injected(len(points), len(struck.ids), action, struck.ended_at or now(), found=dict(struck.found))


async def _one_after_the_other(ground: Ground, points: Sequence[Point], action: str, struck: Struck) -> None:
    """The points of one process."""
    for point in points:
        log = _log(ground, point, action)
        environ = {"FAULT_AT": point.at, "FAULT_HIT": str(point.hit), "FAULT_ACTION": action, "FAULT_LOG": str(log)}
        async with ground.held(point.process):
            await ground.estate.kill(point.process)
            await ground.estate.start(point.process, PERISAI_AUDIT_SIGN_EVERY_S=SIGNS_EVERY_S, **environ)
        pid = ground.estate.pid(point.process)  # under load it may strike before it is ready
        if not await _happened(eventually(lambda log=log, pid=pid: fired(log, pid), within_s=FIRED_WITHIN_S)):  # type: ignore[misc]
            await ground.restart(point.process)
            continue
        struck_at = now()
        struck.ids.add(point.id)
        if action == "stop":
            await asyncio.sleep(ASLEEP_S)
            ground.estate.signal(point.process, signal.SIGCONT)
            struck.ended_at = max(struck.ended_at, now())
            continue
        await gone(ground, point, pid)
        struck.ended_at = max(struck.ended_at, ground.ends[pid][1])
        if action == "term":
            struck.see({"I11": ended_badly(ground, point, pid, struck_at)})


async def _happened(waiting: Awaitable[None]) -> bool:
    """Told per cell: those that fired are judged all the same."""
    try:
        await waiting
    except AssertionError:
        return False
    return True


async def _replays(ground: Ground, points: Sequence[Point], action: str, struck: Struck) -> None:
    """Each breaks off at its point and records nothing; then one goes through, finds nothing of theirs in its way, and is recorded once."""
    recorded = await _recorded(ground)
    for point in points:
        log = _log(ground, point, action)
        running = asyncio.create_task(_replay(ground, point, action, log), name=f"replay to {point.id}")
        if await _happened(eventually(lambda log=log: log.exists(), within_s=REPLAY_WITHIN_S)):  # type: ignore[misc]
            struck.ids.add(point.id)
            if action == "stop":
                await asyncio.sleep(ASLEEP_S)
                os.kill(int(log.read_text().split()[-1]), signal.SIGCONT)
        ended_well = await running == 0
        recorded += ended_well
        if action != "stop":  # one that slept may find its picture of the database gone
            struck.see(_seen(f"replay broken off at {point.id}", False, ended_well))
    last: Typed = await typed(ground.estate.stack.folder, AUDIT, "replay", REPLAYED, "--json")
    equal = last.code == 0 and bool(json.loads(last.out)["equal"])
    struck.see(_seen("the replay after them", True, equal))
    found = await _recorded(ground)
    struck.see(
        violation(
            "I7", "audit.event_log", expected=f"{recorded + 1} outcomes", actual=str(found), holds=found == recorded + 1
        )
    )
    struck.ended_at = struck.ended_at or now()  # recovery is that of the processes


def _seen(what: str, through: bool, ended_well: bool) -> Mapping[str, Sequence[Mapping[str, str]]]:
    words = {True: "through and equal", False: "broken off"}
    return violation("I7", what, expected=words[through], actual=words[ended_well], holds=through is ended_well)


async def _replay(ground: Ground, point: Point, action: str, log: Path) -> int:
    """`perisai audit replay` with a fault in it; the command of the service that it starts has the same."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PERISAI_")}
    faults = {"FAULT_AT": point.at, "FAULT_ACTION": action, "FAULT_LOG": str(log)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", AUDIT, "replay", REPLAYED, "--json"),
        env=environ | faults | {"PERISAI_HOME": str(ground.estate.stack.folder)},
        cwd=places.PROJECT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(2 * REPLAY_WITHIN_S):
            return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()


async def _recorded(ground: Ground) -> int:
    found: list[Any] = await ground.estate.town.rows(
        AUDIT, "SELECT count(*) AS n FROM event_log WHERE type = 'ReplayCompared' AND key = $1", REPLAYED
    )
    return int(found[0]["n"])


def _log(ground: Ground, point: Point, action: str) -> Path:
    log = ground.folder / "cells" / f"fired-{point.id}-{action}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    return log
