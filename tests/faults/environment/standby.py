"""A standby of the embedded PostgreSQL: a physical copy that follows it, synchronously, and can take its place and its address."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from deploy.local.ports import HOST, choose
from deploy.local.postgres import server
from deploy.local.process import Process, Program
from deploy.local.stack import LocalStack
from tests.support.eventually import eventually

NAME = "standby"
FOLLOWS_WITHIN_S = 60.0


@dataclass
class Standby:
    """`take_over` once the primary is dead: from then on the stack's own server is this copy."""

    stack: LocalStack
    process: Process
    data: Path
    primary: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://{server.SUPERUSER}@{HOST}:{self.port}/postgres"

    async def take_over(self) -> None:
        """Promotes it, ends it in order, and starts it again in the dead one's place."""
        connection = await asyncpg.connect(self.url)
        try:
            assert await connection.fetchval("SELECT pg_promote(wait => true)"), "promoted"
        finally:
            await connection.close()
        await self.process.stop()
        shutil.rmtree(self.primary)
        os.rename(self.data, self.primary)
        await self.stack.restart("postgres")


@asynccontextmanager
async def synchronous_standby(stack: LocalStack) -> AsyncIterator[Standby]:
    """A copy that every commit waits for. At the end nothing waits for it any more."""
    program, primary = await asyncio.to_thread(server.prepare, stack.folder / "postgres", stack.ports["postgres"])
    data, port = primary.with_name(NAME), choose([NAME], previous={}, demanded={})[NAME]
    await copy(program, stack, data)
    argv = [str(data) if part == str(primary) else part for part in program.argv]
    argv[argv.index("-p") + 1] = str(port)
    process = Process(
        replace(program, name=NAME, argv=tuple(argv), cwd=data), stack.folder / "logs" / f"{NAME}.log", _silent
    )
    await process.start()
    try:
        await demand(stack, NAME)
        await eventually(lambda: follows(stack), within_s=FOLLOWS_WITHIN_S, what="the standby follows, synchronously")
        yield Standby(stack, process, data, primary, port)
    finally:
        await process.stop()
        if stack.running("postgres"):
            await demand(stack, "")


async def copy(program: Program, stack: LocalStack, data: Path) -> None:
    """A base backup of the running server, set up to follow it under the standby's name. AssertionError if it fails."""
    backup = Path(program.argv[0]).with_name("pg_basebackup")
    source = f"host={HOST} port={stack.ports['postgres']} user={server.SUPERUSER} application_name={NAME}"
    user = program.user
    data.mkdir(mode=0o700)
    if user:
        os.chown(data, user.uid, user.gid)
    done = await asyncio.create_subprocess_exec(
        *(str(backup), "-d", source, "-D", str(data), "-R", "-X", "stream", "--checkpoint=fast"),
        env=dict(program.env),
        cwd=data.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
    )
    said, _ = await done.communicate()
    assert done.returncode == 0, f"the base backup failed: {said.decode()[-500:]}"


async def demand(stack: LocalStack, names: str) -> None:
    """Which standby a commit waits for; none with an empty name."""
    connection = await asyncpg.connect(stack.postgres.admin_url)
    try:
        await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


async def follows(stack: LocalStack) -> bool:
    connection = await asyncpg.connect(stack.postgres.admin_url)
    try:
        state = await connection.fetchval(
            "SELECT sync_state FROM pg_stat_replication WHERE application_name = $1", NAME
        )
    finally:
        await connection.close()
    return bool(state == "sync")


def _silent(*_: str) -> None:
    """Says nothing."""
