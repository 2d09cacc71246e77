"""F8: a handler that comes to no end, because a table it needs is locked for longer than a batch may take. The batch is handed back and polled
again, no member is thrown out of its group, and afterwards every window of ten seconds has progress.
"""

from __future__ import annotations

import time

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_busy, until_recorded, violation
from tests.faults.environment.f20_overload import locked
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
LASTS_S, WINDOW_S, WINDOWS = 70, 10.0, 3


@cell(
    "env.F8.payments",
    fault="F8",
    service="payments",
    process="payments-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def payments(ground: Ground) -> Injected:
    return await slow(ground, "payments", "payers")


@cell(
    "env.F8.notifications",
    fault="F8",
    service="notifications",
    process="notifications-consumers",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def notifications(ground: Ground) -> Injected:
    return await slow(ground, "notifications", "recipients")


async def slow(ground: Ground, service: str, table: str) -> Injected:
    """Longer than the time-out of a transaction and than the patience of a consumer together."""
    stood = 0
    async with flowing(ground, per_s=10):
        await until_busy(ground, service)
        async with locked(ground, service, table) as lock:
            waited = await lock.hold(LASTS_S)
        ended_at = time.monotonic()
        for _ in range(WINDOWS):
            try:
                await until_recorded(ground, service, 1, within_s=WINDOW_S)
            except TimeoutError:
                stood += 1
    found = violation(
        "I2",
        f"{service}.event_log",
        expected="progress within 10 s",
        actual=f"{stood} windows without",
        holds=not stood,
    )
    return Injected(planned=LASTS_S, fired=waited, unit="second", ended_at=ended_at, found=found)
