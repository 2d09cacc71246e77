"""F19: the bank loses our answers, calls twice, or takes the money and never calls. What it holds is posted once; what it never told us of waits for
the day's file.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.faults.cells import Injected, NotHere, cell
from tests.faults.environment.busy import flowing
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
PAYMENTS = 40
UNTOLD = 12


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
    raise NotHere("settlement files are not read yet")


async def misbehaving(ground: Ground, behaviour: Mapping[str, Any], payments: int) -> Injected:
    """So many payments in this way, under load, until the bank is back to good days."""
    doors = ground.estate.town.doors
    async with flowing(ground, per_s=10):
        await doors.outside("bank", "POST", "/behaviour", {**behaviour, "payments": payments})

        async def used_up() -> bool:
            return (await doors.outside("bank", "GET", "/behaviour"))["payments"] is None

        await eventually(used_up, within_s=90, what=f"{payments} payments of a bad day")
    return Injected(planned=payments, fired=payments, unit="request", ended_at=time.monotonic())
