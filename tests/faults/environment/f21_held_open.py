"""F21: a transaction is left open. One of a writer role is ended by its time-outs; one of another role holds publishing up behind it, nothing is
skipped, and the relay's alarm tells; a read snapshot holds nothing up. Positions that were rolled back leave gaps that nobody trips over.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import flowing, until_recorded, violation
from tests.faults.environment.metrics import metric
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
SERVICE = "registration"
ALARM_WITHIN_S, IDLE_ENDS_S, HELD_S = 30, 5.0, 60
SLACK_S = 5.0
ROLLED_BACK = 200
TAKE_ID = "SELECT pg_current_xact_id()"
AGE = "perisai_relay_unpublished_age_seconds"


@cell("env.F21.writer", fault="F21", service=SERVICE, process="postgres", invariants=INVARIANTS, tiers=("long",))
async def of_a_writer(ground: Ground) -> Injected:
    """It idles in a transaction that has an id: the server ends it after five seconds."""
    url = ground.estate.stack.databases.url(SERVICE, "writer")
    began = time.monotonic()
    async with flowing(ground, per_s=10), transaction(url) as connection:
        await eventually(connection.is_closed, within_s=60, what="the server ends the transaction")
        took = time.monotonic() - began
    in_time = took <= IDLE_ENDS_S + SLACK_S
    found = violation(
        "I11", "postgres", expected=f"ended after {IDLE_ENDS_S:g} s", actual=f"{took:.1f} s", holds=in_time
    )
    return Injected(planned=1, fired=1, unit="second", ended_at=time.monotonic(), found=found)


@cell("env.F21.stranger", fault="F21", service=SERVICE, process="postgres", invariants=INVARIANTS, tiers=("long",))
async def of_a_stranger(ground: Ground) -> Injected:
    """A role without time-outs: the relay waits for it, says so within half a minute, and then sends everything in order."""
    async with flowing(ground, per_s=10):
        async with transaction(as_admin(ground)):
            began = time.monotonic()
            await until_recorded(ground, SERVICE, 20)
            while time.monotonic() < began + ALARM_WITHIN_S:
                await asyncio.sleep(1)
            told = await metric(ground, f"{SERVICE}-relay", AGE)
            await asyncio.sleep(HELD_S - ALARM_WITHIN_S)
        ended_at = time.monotonic()
    tells = told >= ALARM_WITHIN_S / 2
    found = violation("I11", f"{SERVICE}-relay", expected=f"{AGE} grows", actual=f"{told:.1f} s", holds=tells)
    return Injected(planned=HELD_S, fired=HELD_S, unit="second", ended_at=ended_at, found=found)


@cell("env.F21.snapshot", fault="F21", service=SERVICE, process="postgres", invariants=INVARIANTS, tiers=("long",))
async def of_a_reader(ground: Ground) -> Injected:
    """A long read with an old snapshot, and positions rolled back meanwhile: publishing goes on as if nobody looked."""
    stack = ground.estate.stack
    worst = 0.0
    async with flowing(ground, per_s=10), transaction(stack.databases.url(SERVICE, "reader"), read=True):
        began = time.monotonic()
        await roll_back(as_admin(ground))
        while time.monotonic() < began + HELD_S:
            await asyncio.sleep(1)
            worst = max(worst, await ground.watch.unpublished_age())
    flows = worst <= SLACK_S
    found = violation("I11", f"{SERVICE}-relay", expected="published within 5 s", actual=f"{worst:.1f} s", holds=flows)
    return Injected(planned=HELD_S, fired=HELD_S, unit="second", ended_at=time.monotonic(), found=found)


def as_admin(ground: Ground) -> str:
    """The service's database, as a role that no time-out binds."""
    stack = ground.estate.stack
    database = stack.databases.url(SERVICE, "writer").rpartition("/")[2]
    return stack.postgres.admin_url.rpartition("/")[0] + "/" + database


@asynccontextmanager
async def transaction(url: str, *, read: bool = False) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Open for as long as the block; with an id of its own, or (`read`) with a snapshot alone."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" if read else "BEGIN")
        await connection.execute("SELECT count(*) FROM event_log" if read else TAKE_ID)
        yield connection
    finally:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
            await connection.close()


async def roll_back(url: str) -> None:
    """Positions of the log that are taken and given up: the sequence has moved on, no row is there."""
    connection = await asyncpg.connect(url)
    try:
        for _ in range(ROLLED_BACK):
            await connection.execute(
                "BEGIN; SELECT nextval(pg_get_serial_sequence('event_log', 'position')); SELECT pg_current_xact_id(); ROLLBACK"
            )
    finally:
        await connection.close()
