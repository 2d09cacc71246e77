"""F1: PostgreSQL dies by SIGKILL while one service is at its busiest, and comes back. What was answered is there, what was not answered is there
once or not at all, and nothing parks for want of a database.
"""

from __future__ import annotations

import time

import asyncpg

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_busy
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
ACCEPTS_WITHIN_S = 10.0


@cell(
    "env.F1.registration",
    fault="F1",
    service="registration",
    process="postgres",
    invariants=INVARIANTS,
    budget_s=10,
    tiers=("long",),
)
async def registration(ground: Ground) -> Injected:
    return await kill_postgres(ground, "registration")


@cell("env.F1.payments", fault="F1", service="payments", process="postgres", invariants=INVARIANTS, budget_s=10)
async def payments(ground: Ground) -> Injected:
    return await kill_postgres(ground, "payments")


@cell(
    "env.F1.notifications",
    fault="F1",
    service="notifications",
    process="postgres",
    invariants=INVARIANTS,
    budget_s=10,
    tiers=("long",),
)
async def notifications(ground: Ground) -> Injected:
    return await kill_postgres(ground, "notifications")


async def kill_postgres(ground: Ground, busy: str) -> Injected:
    """Kills the server under a service that is writing events; a read is refused with 503 meanwhile, then it comes back."""
    stack = ground.estate.stack
    async with flowing(ground):
        await until_busy(ground, busy)
        await stack.kill("postgres")
        fired = not stack.running("postgres")
        await eventually(lambda: refused(ground, busy), within_s=ACCEPTS_WITHIN_S, what="503 with Retry-After")
        await stack.restart("postgres")
    connection = await asyncpg.connect(stack.postgres.admin_url)
    await connection.close()
    return Injected(planned=1, fired=int(fired), unit="kill", ended_at=time.monotonic())


READS = {
    "registration": "/participants/counts",
    "payments": "/contributions/totals",
    "notifications": "/health/ready",
}


async def refused(ground: Ground, service: str) -> bool:
    """Whether a read of this service says that it is away for now, and when to come again."""
    estate = ground.estate
    token = await estate.town.doors.token(estate.town.cast.agents[0])
    answer = await estate.client.get(
        f"{estate.url(f'{service}-api')}{READS[service]}", headers={"Authorization": f"Bearer {token}"}
    )
    probe = READS[service].startswith("/health")
    return answer.status_code == 503 and (probe or "retry-after" in answer.headers)
