"""Crash rounds: one armed point per process, all of a round in one act; a process dies in the middle of a step and is started again.

SIGTERM in mid-step must end in order, SIGSTOP for 15 s makes a zombie that wakes after others took over.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.local.outreach import history, settling
from deploy.local.outreach.day import WORKERS
from tests.faults import causes
from tests.faults.cells import ALWAYS, Injected
from tests.faults.environment.busy import violation
from tests.faults.ground import Ground
from tests.faults.insisting import insist
from tests.faults.points import (
    CALENDAR,
    CODE,
    DEPARTURE,
    ERASED,
    FILE,
    PAYOUT,
    SHARES,
    TAKEN_BACK,
    UNPAID,
    WALLET,
    Point,
)
from tests.faults.results import Fault, Played, Result, now
from tests.faults.spent import spending
from tests.faults.stage import play
from tests.support.eventually import eventually

INVARIANTS = (*ALWAYS[:2], "I3", "I4", "I5", "I6", "I9", "I10", "I11")
BUDGET_S = {"kill": 6.0, "term": 6.0, "stop": 15.0}
"""Of one process."""
PACKED_S = {"kill": 12.0, "term": 12.0, "stop": 20.0}
"""Of a round, in which eight die at once and come back on the same cores."""
ASLEEP_S = 15.0
STOPS_WITHIN_S = 20.0
"""From SIGTERM to the end (operations.md)."""
FIRED_WITHIN_S = 45.0
IMPORT_ROWS = 150


async def play_round(
    ground: Ground, points: Sequence[Point], action: str, *, registrations: int, per_s: float, patience: float = 1.0
) -> list[Result]:
    """One result per point. A point that did not fire within the time is an error of its own cell; the others stand."""
    log = ground.folder / "cells" / f"fired-{points[0].id}-{action}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    name = f"crash.{'+'.join(point.id for point in points)}.{action}"
    struck: set[str] = set()
    kills, budget_s = ground.kills, (PACKED_S if len(points) > 1 else BUDGET_S)[action] * patience
    try:
        needs = _needs(points)
        if needs - {FILE}:
            with spending("sleepers"):
                await causes.with_sleepers(ground, causes.HEADS if TAKEN_BACK in needs else causes.SLEEPERS)
        if PAYOUT in needs:
            with spending("earners"):
                await causes.earned(ground)
        if FILE in needs:
            await settling.agree_on_layout(ground.estate.town.doors, history.BEGINS.date())
            ground.settles = True
        with spending("arming"):
            armed = await asyncio.gather(*(_arm(ground, point, action, log) for point in points))
        played = await play(
            ground,
            name,
            lambda: _inject(ground, dict(zip(points, armed, strict=True)), action, log, struck),
            registrations=registrations,
            per_s=per_s,
            budget_s=budget_s,
            invariants=INVARIANTS,
            rows=IMPORT_ROWS if "registration-workers" in {point.process for point in points} else 0,
        )
    except Exception as error:
        why = ground.broke(name, error)
        return [result_of(ground, point, action, None, point.id in struck, per_s, budget_s, why) for point in points]
    results = [result_of(ground, point, action, played, point.id in struck, per_s, budget_s, None) for point in points]
    for result in results:  # one load under all of them: it counts once
        result.counts.clear()
    results[0].counts |= {"kills": ground.kills - kills, "registrations": played.registrations}
    return results


def _needs(points: Sequence[Point]) -> set[str]:
    """What has to happen beside the load for these points."""
    return {need for point in points for need in point.needs}


async def _arm(ground: Ground, point: Point, action: str, log: Path) -> int:
    """The number of the process that will strike itself there: from now on, whatever else is being prepared."""
    await ground.restart(
        point.process,
        FAULT_AT=point.at,
        FAULT_HIT=str(point.hit),
        FAULT_ACTION=action,
        FAULT_LOG=str(log),
        PERISAI_IMPORT_CHUNK="40",
        PERISAI_IMPORT_LEASE_S="2",
        PERISAI_QRIS_TIMEOUT_S="1",
    )
    return ground.estate.pid(point.process)


async def _inject(ground: Ground, pids: Mapping[Point, int], action: str, log: Path, struck: set[str]) -> Injected:
    """Gives the points what they wait for, waits until all fired, and for the processes to be there again. `pids`: who was armed;
    `struck`: ids of those that fired.
    """
    points = [*pids]
    waking = asyncio.create_task(_wake(ground, points, pids, log)) if action == "stop" else None
    processes = {point.process for point in points}
    if "registration-workers" in processes:
        await upload(ground, IMPORT_ROWS)
    needs = _needs(points)
    if UNPAID in needs:
        await causes.bill_for_many(ground, paid=False)
    if CALENDAR in needs:
        await ground.advance(causes.DAYS)
    struck_at: dict[int, float] = {}

    def all_fired() -> bool:
        for pid in pids.values():
            if pid not in struck_at and fired(log, pid):
                struck_at[pid] = now()
        return len(struck_at) == len(pids)

    await _cause(ground, needs)
    with contextlib.suppress(AssertionError):  # told per cell: those that fired are judged all the same
        await eventually(all_fired, within_s=FIRED_WITHIN_S, what="every point fired")
    struck |= {point.id for point, pid in pids.items() if pid in struck_at}
    found: dict[str, Sequence[Mapping[str, str]]] = {}
    if waking is not None:
        await waking
    else:
        await asyncio.gather(*(gone(ground, p, pid) for p, pid in pids.items() if p.id in struck))
        if action == "term":
            found = {
                "I11": [
                    one
                    for p, pid in pids.items()
                    if p.id in struck
                    for one in ended_badly(ground, p, pid, struck_at[pid])
                ]
            }
    ended = max((ground.ends[pid][1] for p, pid in pids.items() if p.id in struck and waking is None), default=now())
    disarmed = [p.process for p in points if p.id not in struck]
    if disarmed:
        await ground.restart(*disarmed)
        ended = now()
    return Injected(len(points), len(struck), action, ended, found=found)


async def _cause(ground: Ground, needs: set[str]) -> None:
    """In the order in which one may need the other."""
    if FILE in needs:
        await causes.settle_the_day(ground)
    if SHARES in needs:
        await causes.bill_for_many(ground, paid=True)
    if TAKEN_BACK in needs:
        await causes.taken_back(ground)
    if DEPARTURE in needs:
        await causes.departure(ground)
    if ERASED in needs:
        await causes.erased(ground)
    if PAYOUT in needs:
        await causes.paid_out(ground)
    if CODE in needs:
        bills = await causes.codes(ground)
        if WALLET in needs:
            await causes.scanned(ground, bills)


async def gone(ground: Ground, point: Point, pid: int) -> None:
    """The process that fired is gone (SIGTERM lets it finish what it has in hand)."""
    await eventually(lambda: pid in ground.ends, within_s=2 * STOPS_WITHIN_S, what=f"{point.process} ended")


def ended_badly(ground: Ground, point: Point, pid: int, struck_at: float) -> Sequence[Mapping[str, str]]:
    """A violation of I11 unless SIGTERM ended it with 0 and in time."""
    code, at = ground.ends[pid]
    took = at - struck_at
    expected, actual = f"ended with 0 within {STOPS_WITHIN_S:g} s", f"{code} after {took:.1f} s"
    holds = code == 0 and took <= STOPS_WITHIN_S
    return violation("I11", point.process, expected=expected, actual=actual, holds=holds).get("I11", ())


async def _wake(ground: Ground, points: Sequence[Point], pids: Mapping[Point, int], log: Path) -> None:
    """Each stopped process sleeps for 15 s and goes on."""

    async def one(point: Point) -> None:
        await eventually(lambda: fired(log, pids[point]), within_s=2 * FIRED_WITHIN_S, what=point.id)
        await asyncio.sleep(ASLEEP_S)
        ground.estate.signal(point.process, signal.SIGCONT)

    await asyncio.gather(*(one(point) for point in points), return_exceptions=True)


def fired(log: Path, pid: int) -> bool:
    """Whether the process wrote down that it broke itself."""
    return log.exists() and any(line.endswith(f" {pid}") for line in log.read_text().splitlines())


async def upload(ground: Ground, rows: int) -> None:
    """An agent uploads a file of so many invented people; they pay like the others, once their codes are known."""
    town = ground.estate.town
    columns = next(csv.reader(WORKERS.read_text(encoding="utf-8").splitlines()))
    text = io.StringIO()
    out = csv.DictWriter(text, columns)
    out.writeheader()
    for _ in range(rows):
        form = town.form()
        ground.driver.journal.person(-1, form)
        out.writerow(
            {name: form[name] for name in columns if name in form and name not in ("programmes", "consent")}
            | {"programmes": " ".join(form["programmes"]), "consent": "ya", "consent_text_version": "2025-01"}
            | {"funding_source": "SELF", "language": "id", "employs_others": "tidak"}
        )
    agent = town.cast.agents[0]
    key, content = f"import-{ground.driver.asked}-{ground.chance.getrandbits(32)}", text.getvalue().encode()
    started: dict[str, Any] = {}

    async def send() -> None:
        headers = {"Content-Type": "text/csv"}
        started.update(
            await town.doors.post("registration", "/imports", agent, key=key, content=content, headers=headers)
        )

    await insist("a file of people was taken", send)
    ground.driver.imports.append(str(started["import_id"]))


def result_of(
    ground: Ground,
    point: Point,
    action: str,
    played: Played | None,
    fired: bool,
    per_s: float,
    budget_s: float,
    error: str | None,
) -> Result:
    result = Result(
        f"crash.{point.id}.{action}",
        point.service,
        f"{point.process}",
        Fault(point.id, action, "process", {"hit": point.hit, "at": point.at}),
        ground.seed,
        planned=1,
        fired=int(fired),
        unit="kill",
        per_s=per_s,
        budget_s=budget_s,
        error=error,
    )
    if played is not None:
        result.take(played)
        result.planned, result.fired = 1, int(fired)
    return result
