"""Judges in processes of their own, so that hashing uses every processor."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.audit.domain.verifying import Part
from services.audit.verification.parts import Judge, Proven
from services.audit.verification.written import part_of, range_as_text

LONGEST_LINE = 1 << 26
"""Of an answer: a range of which every event was changed."""


class WorkerLost(Exception):
    """A process of the verification ended before it was done; what it said stands on stderr."""


@asynccontextmanager
async def workers(count: int) -> AsyncIterator[Judge]:
    """A judge with so many processes, under the settings of this one's environment; a range waits for a free one. Raises WorkerLost."""
    started: list[Process] = []
    free: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
    for _ in range(count):
        free.put_nowait(None)  # started when it is needed

    async def judged(tiles: Sequence[Proven]) -> Part:
        process = await free.get()
        if process is None:
            process = await _start()
            started.append(process)
        part = await _ask(process, tiles)
        free.put_nowait(process)
        return part

    try:
        yield judged
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()  # it holds nothing
        await asyncio.gather(*(process.wait() for process in started))


async def _start() -> Process:
    # a session of its own: Ctrl-C is for whoever speaks to the person
    argv = (sys.executable, "-m", "services.audit.verification.worker")
    return await asyncio.create_subprocess_exec(
        *argv, stdin=PIPE, stdout=PIPE, limit=LONGEST_LINE, start_new_session=True
    )


async def _ask(process: Process, tiles: Sequence[Proven]) -> Part:
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.write(f"{range_as_text(tiles)}\n".encode())
        await process.stdin.drain()
        line = await process.stdout.readline()
    except ConnectionError:
        line = b""
    if not line.endswith(b"\n"):
        raise WorkerLost(f"process {process.pid} of the verification ended")
    return part_of(line.decode())
