"""F9: a disk is full: that of PostgreSQL's tables, that of its log ahead of writing, that of the broker.

What cannot be stored is refused and not half done; what was stored stays; and all goes on once there is room. A server that gives up for want of room
is started again by whoever made it, as an operator would.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg

from deploy.local.postgres import server
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import Found, flowing, settled, until_busy, until_recorded, violation
from tests.faults.environment.small_disk import SmallDisk, small_disk
from tests.faults.ground import Ground
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
SHOWS_WITHIN_S, STAYS_FULL_S = 90.0, 10.0
TABLES_MIB, LOG_MIB, BROKER_MIB = 64, 48, 96
"""Beside what is there when the disk gets small; all of it is taken when it gets full."""
PER_S = 10.0
_BEGIN_ANOTHER = "SELECT pg_switch_wal()"


@cell("env.F9.data", fault="F9", service="chassis", process="postgres", invariants=INVARIANTS, tiers=("long",))
async def tables(ground: Ground) -> Injected:
    """No table grows any more: callers are told to come again, reads go on."""
    base = await data_of(ground) / "base"
    async with small_disk(ground, "postgres", base, spare_mib=TABLES_MIB, filler="1/filler") as disk:
        async with flowing(ground, per_s=PER_S):
            await until_busy(ground, "registration")
            before = ground.driver.told_to_wait
            fired = await full(ground, disk, lambda: ground.driver.told_to_wait > before)
            found = await reads_go_on(ground)
            actions = await freed(ground, disk, "postgres")
            ended_at = time.monotonic()
        until = await settled(ground, since=ended_at)
    return Injected(1, fired, "edit", ended_at, until=until, found=found, operator_actions=actions)


@cell("env.F9.wal", fault="F9", service="chassis", process="postgres", invariants=INVARIANTS, tiers=("long",))
async def log_ahead(ground: Ground) -> Injected:
    """Nothing can be committed: PostgreSQL gives up rather than say that it was."""
    log = await data_of(ground) / "pg_wal"
    async with small_disk(ground, "postgres", log, spare_mib=LOG_MIB) as disk:
        async with flowing(ground, per_s=PER_S):
            await until_busy(ground, "registration")
            before = ground.driver.told_to_wait
            filling = asyncio.create_task(use_up_segments(ground))
            try:
                fired = await full(ground, disk, lambda: ground.driver.told_to_wait > before)
            finally:
                filling.cancel()
            actions = await freed(ground, disk, "postgres")
            ended_at = time.monotonic()
        until = await settled(ground, since=ended_at)
    return Injected(1, fired, "edit", ended_at, until=until, operator_actions=actions)


@cell("env.F9.broker-log", fault="F9", service="chassis", process="kafka", invariants=INVARIANTS, tiers=("long",))
async def broker_log(ground: Ground) -> Injected:
    """Nothing can be published: people are registered all the while, and what they caused waits in the log of their service."""
    place = ground.estate.stack.folder / "kafka" / "data"
    async with small_disk(ground, "kafka", place, spare_mib=BROKER_MIB) as disk:
        async with flowing(ground, per_s=PER_S):
            await until_busy(ground, "registration")
            fired = await full(ground, disk, lambda: not ground.estate.stack.running("kafka") or unpublished(ground))
            await until_recorded(ground, "registration", 20, within_s=60)
            actions = await freed(ground, disk, "kafka")
            ended_at = time.monotonic()
        until = await settled(ground, since=ended_at)
    return Injected(1, fired, "edit", ended_at, until=until, operator_actions=actions)


async def full(ground: Ground, disk: SmallDisk, shows: Callable[[], bool]) -> int:
    """Fills the disk, and again what is given back, until it shows, and keeps it full for a while. 1 if it was full then."""

    def filled_and_shown() -> bool:
        disk.fill()
        return shows()

    await eventually(filled_and_shown, within_s=SHOWS_WITHIN_S, what="somebody meets the full disk")
    ends = time.monotonic() + STAYS_FULL_S
    while time.monotonic() < ends:
        was_full = disk.fill()
        await asyncio.sleep(0.2)
    return int(was_full)


async def freed(ground: Ground, disk: SmallDisk, name: str) -> list[str]:
    """Makes room, and starts the server if it gave up. Gives what an operator did."""
    disk.free()
    stack = ground.estate.stack
    if stack.running(name):
        return ["room made"]
    await stack.restart(name)
    return ["room made", f"{name} started"]


async def reads_go_on(ground: Ground) -> Found:
    """What is stored can be read while nothing can be added."""
    estate = ground.estate
    token = await estate.town.doors.token(estate.town.cast.agents[0])
    answer = await estate.client.get(
        f"{estate.url('registration-api')}/participants/counts", headers={"Authorization": f"Bearer {token}"}
    )
    status = answer.status_code
    return violation("I1", "registration-api", expected="a read is answered", actual=str(status), holds=status == 200)


async def use_up_segments(ground: Ground) -> None:
    """Begins a segment of the log as often as there is anything in the last one: those that lay ready are soon used up."""
    while True:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            connection = await asyncpg.connect(ground.estate.stack.postgres.admin_url, timeout=2)
            try:
                await connection.execute(_BEGIN_ANOTHER, timeout=5)
            finally:
                connection.terminate()
        await asyncio.sleep(0.2)


def unpublished(ground: Ground) -> bool:
    """Whether something waits for the broker for longer than anything does in peace."""
    last = ground.watch.samples[-1:]
    return bool(last) and last[0][2] > 5


async def data_of(ground: Ground) -> Path:
    """The data folder of the server that runs."""
    stack = ground.estate.stack
    return (await asyncio.to_thread(server.prepare, stack.folder / "postgres", stack.ports["postgres"]))[1]
