"""F20: ten times the load at once, and a pool whose connections all wait for a lock.

Who cannot be served is told so (429, 503) and comes again; nothing is accepted and lost, and no process grows without bound or dies.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import Found, flowing, until_busy, violation
from tests.faults.environment.metrics import answered
from tests.faults.ground import Ground

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
BURST, BURST_PER_S = 1_000, 500.0
COPIES_AT_ONCE = 200
LOCKED_S = 12
MOST_MIB = 512
PLACES = 32
"""Requests at once in a burst: fewer than the callers, whose connections are 200."""


@cell(
    "env.F20.registration.burst",
    fault="F20",
    service="registration",
    process="registration-api",
    action="burst",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def registrations_at_once(ground: Ground) -> Injected:
    """A thousand people within two seconds, for whom there are few places: who finds none is told when to come again, and comes."""
    async with few_places(ground, "registration-api") as pid:
        driver = ground.driver
        told, sent_away = driver.told_to_wait, driver.sent_away
        await driver.register(BURST, per_s=BURST_PER_S)
        found = grown(ground, "registration-api", pid, planned=BURST)
        found.found |= refused(driver.told_to_wait - told, driver.sent_away - sent_away)
    found.ended_at = time.monotonic()
    return found


@cell(
    "env.F20.payments.burst",
    fault="F20",
    service="payments",
    process="payments-api",
    action="burst",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def payments_at_once(ground: Ground) -> Injected:
    """Payments of the same people, two hundred at a time: one of each is posted."""
    town = ground.estate.town
    people = await town.register(COPIES_AT_ONCE)
    await town.until_billed(people, within_s=120)
    codes = [person.code for person in people]
    round_ = {"customer_nos": codes * 2, "concurrency": COPIES_AT_ONCE, "wait": True}
    async with few_places(ground, "payments-api") as pid:
        await town.doors.outside("bank", "POST", "/pay-many", round_)
        found = grown(ground, "payments-api", pid, planned=len(codes) * 2)
        found.found |= refused(await answered(ground, "payments-api", httpx.codes.TOO_MANY_REQUESTS), 0)
    found.ended_at = time.monotonic()
    return found


@cell(
    "env.F20.registration.pool",
    fault="F20",
    service="registration",
    process="registration-api",
    action="pool",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def pool_of_registration(ground: Ground) -> Injected:
    return await pool_exhausted(ground, "registration", "idempotency")


@cell(
    "env.F20.payments.pool",
    fault="F20",
    service="payments",
    process="payments-api",
    action="pool",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def pool_of_payments(ground: Ground) -> Injected:
    return await pool_exhausted(ground, "payments", "bills")


async def pool_exhausted(ground: Ground, service: str, table: str) -> Injected:
    """Every connection waits for this table."""
    pid = ground.estate.pid(f"{service}-api")
    async with flowing(ground, per_s=50):
        await until_busy(ground, service)
        async with locked(ground, service, table) as lock:
            waited = await lock.hold(LOCKED_S)
    found = grown(ground, f"{service}-api", pid, planned=LOCKED_S)
    found.unit, found.fired = "second", waited
    return found


@asynccontextmanager
async def few_places(ground: Ground, name: str) -> AsyncIterator[int]:
    """Within the block this process works on few requests at once. Gives its number."""
    await ground.restart(name, PERISAI_HTTP_MAX_CONCURRENT=str(PLACES))
    yield ground.estate.pid(name)
    await ground.restart(name)


def refused(told: int, sent_away: int) -> Found:
    """A burst that turned nobody away was none; whoever was turned away was told when to come again (a bank by SNAP's own code)."""
    return violation(
        "I11", "the edge", expected="some refused for now, all told so", actual="nobody refused", holds=told > 0
    ) or violation(
        "I11", "the edge", expected="Retry-After with each", actual=f"{sent_away} without", holds=not sent_away
    )


def grown(ground: Ground, name: str, pid: int, *, planned: int) -> Injected:
    """What was asked was done; a violation if the process is another one by now or holds too much memory."""
    peak = peak_mib(pid) if ground.estate.pid(name) == pid and ground.estate.running(name) else None
    holds = peak is not None and peak <= MOST_MIB
    actual = "it died" if peak is None else f"{peak} MiB"
    found = violation("I11", name, expected=f"alive, at most {MOST_MIB} MiB", actual=actual, holds=holds)
    return Injected(planned=planned, fired=planned, unit="request", ended_at=time.monotonic(), found=found)


def peak_mib(pid: int) -> int:
    """The most memory that the process ever held, as the kernel counts."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024


@dataclass(frozen=True)
class Lock:
    """A table that nobody else reads or writes."""

    connection: asyncpg.Connection[asyncpg.Record]
    table: str

    async def hold(self, seconds: int) -> int:
        """Holds it so long. Gives the seconds if somebody waited for it most of the time, else those in which somebody did."""
        waited = 0
        for _ in range(seconds):
            await asyncio.sleep(1)
            waited += bool(await self.connection.fetchval(_WAITS, self.table))
        return seconds if waited > seconds / 2 else waited


_WAITS = "SELECT count(*) FROM pg_locks WHERE relation = $1::text::regclass AND NOT granted"


@asynccontextmanager
async def locked(ground: Ground, service: str, table: str) -> AsyncIterator[Lock]:
    """Nobody reads or writes this table of the service in the block."""
    stack = ground.estate.stack
    database = stack.databases.url(service, "writer").rpartition("/")[2]
    connection = await asyncpg.connect(stack.postgres.admin_url.rpartition("/")[0] + "/" + database)
    try:
        async with connection.transaction():
            await connection.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE')
            yield Lock(connection, table)
    finally:
        await connection.close()
