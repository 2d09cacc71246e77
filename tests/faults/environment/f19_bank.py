"""F19: the bank loses our answers, calls twice, or takes the money and never calls. What it holds is posted once; what it never told us of waits for
the day's file, which may contradict the bank's own books first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import date
from typing import Any

from deploy.local.outreach import history, settling
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
PAYMENTS = 40
UNTOLD = 12
EACH = 2
"""Contradictions of each kind."""


@cell("env.F19.lost", fault="F19", service="payments", process="bank", invariants=INVARIANTS, tiers=("long",))
async def answers_lost(ground: Ground) -> Injected:
    return await misbehaving(ground, {"drop_answers": 2}, PAYMENTS)


@cell("env.F19.doubles", fault="F19", service="payments", process="bank", invariants=INVARIANTS, tiers=("long",))
async def doubles(ground: Ground) -> Injected:
    return await misbehaving(ground, {"double": "at_once"}, PAYMENTS)


@cell("env.F19.never", fault="F19", service="payments", process="bank", invariants=INVARIANTS, tiers=("long",))
async def never_calls(ground: Ground) -> Injected:
    injected = await misbehaving(ground, {"never_call": True}, UNTOLD)
    done = await ground.estate.town.doors.outside("bank", "GET", "/payments?state=done&limit=1000")
    untold = [payment["payment_request_id"] for payment in done["payments"] if not payment["told"]]
    injected.planted = {"missing_here": untold}
    injected.fired = min(len(untold), injected.planned)
    return injected


@cell("env.F19.file", fault="F19", service="payments", process="bank", invariants=INVARIANTS, tiers=("long",))
async def contradicts_its_file(ground: Ground) -> Injected:
    """First a file that is not what its books say, then the true one: whatever it never told us of is posted or in suspense afterwards."""
    injected = await misbehaving(ground, {"never_call": True}, UNTOLD)
    doors = ground.estate.town.doors
    day = date.fromisoformat(str((await doors.outside("bank", "GET", "/clock"))["now"])[:10])
    await settling.agree_on_layout(doors, history.BEGINS.date())
    ground.settles = True
    path = f"/settlement/{day}"

    async def enough() -> bool:
        return (await doors.text("bank", path)).count("\nD,") >= UNTOLD + 4 * EACH

    await eventually(enough, within_s=60, what="payments of this day that the file can contradict")
    false = await doors.outside("bank", "GET", f"{path}/contradicting?each={EACH}&seed={ground.seed}")
    await settling.reconcile(doors, day, false["file"])
    file = await settling.reconcile(doors, day, await doors.text("bank", path))
    injected.planned += 4 * EACH
    injected.fired += sum(len(false[how]) for how in ("omitted", "changed", "doubled", "spoilt"))
    if file["amount"] != sum(total["amount"] for total in file["outcomes"] if total["outcome"] != "missing_at_bank"):
        injected.found = {
            "I3": [
                {"where": "settlement file", "key": str(day), "expected": "one outcome a line", "actual": "another sum"}
            ]
        }
    injected.ended_at = time.monotonic()
    return injected


async def misbehaving(ground: Ground, behaviour: Mapping[str, Any], payments: int) -> Injected:
    """So many payments in this way, under load, until the bank is back to good days."""
    doors = ground.estate.town.doors
    async with flowing(ground, per_s=10):
        await doors.outside("bank", "POST", "/behaviour", {**behaviour, "payments": payments})

        async def used_up() -> bool:
            return (await doors.outside("bank", "GET", "/behaviour"))["payments"] is None

        await eventually(used_up, within_s=90, what=f"{payments} payments of a bad day")
    return Injected(planned=payments, fired=payments, unit="request", ended_at=time.monotonic())
