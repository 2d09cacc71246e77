"""F23: the messaging gateway says 429, fails after it has accepted, is silent before or after accepting, or sends receipts twice.

One message on a phone, whatever it does.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
MESSAGES = 60
SILENT_S = 8.0
"""Longer than the sender waits for an answer."""
ANSWERS: Mapping[str, Mapping[str, Any]] = {
    "busy": {"answer": "too_many_requests", "retry_after_s": 1},
    "fails": {"answer": "error_after_accepting"},
    "silent-after": {"answer": "timeout_after_accepting", "timeout_s": SILENT_S},
    "silent": {"answer": "timeout_before_accepting", "timeout_s": SILENT_S},
}


async def answers_badly(ground: Ground, behaviour: Mapping[str, Any]) -> Injected:
    """So many messages in a row; then the gateway is well again."""
    doors = ground.estate.town.doors
    async with flowing(ground, per_s=10):
        await doors.outside("gateway", "POST", "/behaviour", {**behaviour, "answers": MESSAGES})

        async def used_up() -> bool:
            return bool((await doors.outside("gateway", "GET", "/behaviour"))["answer"] == "normal")

        await eventually(used_up, within_s=120, what=f"{MESSAGES} bad answers")
    return Injected(planned=MESSAGES, fired=MESSAGES, unit="request", ended_at=time.monotonic())


async def receipts_doubled(ground: Ground) -> Injected:
    """Every message accepted in the block is receipted twice."""
    doors = ground.estate.town.doors
    await doors.outside("gateway", "POST", "/behaviour", {"receipts": "doubled"})
    before = (await doors.outside("gateway", "GET", "/messages?limit=0"))["matching"]

    async def enough() -> bool:
        return bool((await doors.outside("gateway", "GET", "/messages?limit=0"))["matching"] >= before + MESSAGES)

    async with flowing(ground, per_s=10):
        await eventually(enough, within_s=120, what=f"{MESSAGES} messages with two receipts")
    await doors.outside("gateway", "POST", "/behaviour", {})
    return Injected(planned=MESSAGES, fired=MESSAGES, unit="request", ended_at=time.monotonic())


_CELL: dict[str, Any] = {
    "fault": "F23",
    "service": "notifications",
    "process": "gateway",
    "invariants": INVARIANTS,
    "tiers": ("long",),
    "budget_s": 60,  # a notice is due within a minute of the end of the fault
}
for _name, _behaviour in ANSWERS.items():
    cell(f"env.F23.{_name}", action=_name, **_CELL)(partial(answers_badly, behaviour=_behaviour))
cell("env.F23.doubled", action="doubled", **_CELL)(receipts_doubled)
