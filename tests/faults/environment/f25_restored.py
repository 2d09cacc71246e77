"""F25: the databases are dumped with events unpublished and restored into a fresh server, where transaction ids start low. Relays see that their
cursors are of another server, stop and say so; after `perisai SERVICE rebase` every row of before and after reaches every reader, once.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from functools import partial
from pathlib import Path

import asyncpg

from deploy.local.ports import HOST
from deploy.local.postgres import server
from tests.faults.cells import Injected, cell
from tests.faults.environment.busy import Found, flowing, position, until_recorded, violation
from tests.faults.environment.f04h_topics_lost import operate
from tests.faults.environment.metrics import stopped
from tests.faults.ground import Ground
from tests.support.estate import SERVICES
from tests.support.eventually import eventually

INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I10", "I11")
RELAYS = tuple(f"{service}-relay" for service in SERVICES)
ALARM_WITHIN_S = 30.0
IDENTIFIER = "SELECT system_identifier::text FROM pg_control_system()"


@cell(
    "env.F25",
    fault="F25",
    service="payments",
    process="postgres",
    action="restore",
    invariants=INVARIANTS,
    tiers=("long",),
)
async def restored(ground: Ground) -> Injected:
    """Relays down first, so that rows wait; then everything stops, moves to the new server, and starts."""
    estate, names = ground.estate, [*ground.estate.names]
    async with ground.held(*names):
        async with flowing(ground, per_s=10):
            await asyncio.gather(*(estate.kill(name) for name in RELAYS))
            await until_recorded(ground, "registration", 30)
        await asyncio.gather(*(estate.stop(name) for name in names if estate.running(name)))
        before, old = [await position(ground, service) for service in SERVICES], await identifier(ground)
        await move(ground)
        assert [await position(ground, service) for service in SERVICES] == before, "all rows were restored"
        fired = int(await identifier(ground) != old)
        found = await refused(ground)
        actions = [await operate(ground, service, "rebase") for service in SERVICES]
        await asyncio.gather(*(estate.restart(name) for name in names))
    ended_at = time.monotonic()
    return Injected(planned=1, fired=fired, unit="edit", ended_at=ended_at, operator_actions=actions, found=found)


async def refused(ground: Ground) -> Found:
    """Every relay is started once, and must say within half a minute that it will not go on."""
    found: Found = {}
    await asyncio.gather(*(ground.estate.start(name) for name in RELAYS))
    for name in RELAYS:
        try:
            await eventually(partial(stopped, ground, name), within_s=ALARM_WITHIN_S, what=f"{name} refuses")
        except AssertionError:
            found |= violation("I11", name, expected="refuses and says so", actual="runs on", holds=False)
    await asyncio.gather(*(ground.estate.kill(name) for name in RELAYS))
    return found


async def move(ground: Ground) -> None:
    """Dumps all databases and roles, and restores them into a server that was initialised just now, at the same address."""
    stack = ground.estate.stack
    program, data = await asyncio.to_thread(server.prepare, stack.folder / "postgres", stack.ports["postgres"])
    tools, dump = Path(program.argv[0]).parent, stack.folder / "dump.sql"
    where = ("-h", HOST, "-p", str(stack.ports["postgres"]), "-U", server.SUPERUSER)
    await run(tools / "pg_dumpall", *where, "-f", str(dump))
    await stack.stop("postgres")
    data.rename(data.with_name("before"))
    await stack.restart("postgres")
    await run(tools / "psql", *where, "-q", "-d", "postgres", "-f", str(dump))
    dump.unlink()
    shutil.rmtree(data.with_name("before"))


async def run(tool: Path, *arguments: str) -> None:
    """One of PostgreSQL's own tools; AssertionError with its last words if it fails."""
    done = await asyncio.create_subprocess_exec(
        str(tool), *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await done.communicate()
    assert done.returncode == 0, f"{tool.name}: {said.decode(errors='replace')[-500:]}"


async def identifier(ground: Ground) -> str:
    """Which server this is, whatever its address."""
    connection = await asyncpg.connect(ground.estate.stack.postgres.admin_url)
    try:
        return str(await connection.fetchval(IDENTIFIER))
    finally:
        await connection.close()
