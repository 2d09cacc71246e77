"""A standby of the embedded PostgreSQL: a physical copy that follows it, synchronously or not, and can take its place and its address."""

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
    """`take_over` once the primary is dead: from then on the stack's own server is this copy, and `dead` what the primary left on its disk."""

    stack: LocalStack
    process: Process
    data: Path
    primary: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://{server.SUPERUSER}@{HOST}:{self.port}/postgres"

    @property
    def dead(self) -> Path:
        return self.primary.with_name("dead")

    async def cut_off(self) -> None:
        """From now on nothing of the primary reaches it."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            await connection.execute("SELECT pg_reload_conf()")

            async def alone() -> bool:
                return not await connection.fetchval("SELECT count(*) FROM pg_stat_wal_receiver")

            await eventually(alone, within_s=FOLLOWS_WITHIN_S, what="the standby hears no more")
        finally:
            await connection.close()

    @asynccontextmanager
    async def risen(self) -> AsyncIterator[str]:
        """After `take_over`: the dead primary once more, at another address, to be asked what it had. Gives the address of its server."""
        program = _at(self.process.program, self.data, self.dead, self.port)
        process = Process(program, self.stack.folder / "logs" / f"{NAME}.log", _silent)
        await process.start()
        try:
            await eventually(lambda: answers(self.url), within_s=FOLLOWS_WITHIN_S, what="the dead primary answers")
            yield self.url.rpartition("/")[0]
        finally:
            await process.stop()

    async def take_over(self) -> None:
        """Promotes it, ends it in order, and starts it again in the dead one's place."""
        connection = await asyncpg.connect(self.url)
        try:
            assert await connection.fetchval("SELECT pg_promote(wait => true)"), "promoted"
        finally:
            await connection.close()
        await self.process.stop()
        os.rename(self.primary, self.dead)
        os.rename(self.data, self.primary)
        await self.stack.restart("postgres")


@asynccontextmanager
async def standby_of(stack: LocalStack, *, synchronous: bool) -> AsyncIterator[Standby]:
    """A copy that follows; `synchronous`: every commit waits for it, until the block ends."""
    program, primary = await asyncio.to_thread(server.prepare, stack.folder / "postgres", stack.ports["postgres"])
    data, port = primary.with_name(NAME), choose([NAME], previous={}, demanded={})[NAME]
    await copy(program, stack, data)
    process = Process(_at(program, primary, data, port), stack.folder / "logs" / f"{NAME}.log", _silent)
    standby = Standby(stack, process, data, primary, port)
    await process.start()
    try:
        if synchronous:
            await demand(stack, NAME)
        as_wanted = "sync" if synchronous else "async"
        await eventually(lambda: follows(stack, as_wanted), within_s=FOLLOWS_WITHIN_S, what="the standby follows")
        yield standby
    finally:
        await process.stop()
        if synchronous and stack.running("postgres"):
            await demand(stack, "")
        for folder in (standby.dead, standby.data):
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _at(program: Program, known: Path, data: Path, port: int) -> Program:
    """The program on another folder, at another port."""
    argv = [str(data) if part == str(known) else part for part in program.argv]
    argv[argv.index("-p") + 1] = str(port)
    return replace(program, name=NAME, argv=tuple(argv), cwd=data)


async def answers(url: str) -> bool:
    try:
        await (await asyncpg.connect(url, timeout=2)).close()
    except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError):
        return False
    return True


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


async def follows(stack: LocalStack, as_wanted: str) -> bool:
    """Whether the primary counts it as `sync` or `async`, and streams to it."""
    connection = await asyncpg.connect(stack.postgres.admin_url)
    try:
        state = await connection.fetchval(
            "SELECT sync_state FROM pg_stat_replication WHERE application_name = $1 AND state = 'streaming'", NAME
        )
    finally:
        await connection.close()
    return bool(state == as_wanted)


def _silent(*_: str) -> None:
    """Says nothing."""
