"""Toy processes that have done all their importing before they are told to begin, as those of the supervisor that forks have.

`python -m tests.faults.stories.warm totals` says `warm`, waits for a line, and then runs as tests.support.toy_process does.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.process import main
from deploy.local.places import PROJECT
from tests.support.toy import COUNTING, Following, totals

START_S = 120


class Warm:
    """A process that waits for `go`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._reading: asyncio.Task[bytes] | None = None

    async def ready(self) -> None:
        assert self._process.stdout is not None
        async with asyncio.timeout(START_S):
            while (line := await self._process.stdout.readline()).strip() != b"warm":
                assert line, "ended before it was warm"

    def go(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(b"go\n")
        self._reading = asyncio.create_task(self._process.stdout.read())

    async def ended(self, within_s: float = START_S) -> int:
        """The exit code; negative for a signal."""
        async with asyncio.timeout(within_s):
            return await self._process.wait()

    async def close(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        if self._reading is not None:
            await self._reading


@asynccontextmanager
async def warmed(service: str, environ: dict[str, str]) -> AsyncIterator[Warm]:
    """A warm process, killed at the end if it has not ended by itself."""
    argv = [sys.executable, "-m", "tests.faults.stories.warm", service]
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=PROJECT, env=environ, stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    warm = Warm(process)
    try:
        await warm.ready()
        yield warm
    finally:
        await warm.close()


if __name__ == "__main__":
    print("warm", flush=True)
    sys.stdin.readline()
    main({"counting": COUNTING, "totals": totals(Following())}[sys.argv[1]])
