"""Real HTTP for the tests of the outside parties: an application on a free port, in the test's own event loop."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import uvicorn
from fastapi import FastAPI

from deploy.local.outside.environment import Environment
from deploy.local.outside.server import Party


@contextlib.asynccontextmanager
async def served(app: FastAPI, *, port: int = 0) -> AsyncIterator[str]:
    """The address of the running application; stopped, with its lifespan, at the end."""
    server = _Server(uvicorn.Config(app, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=2))
    running = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: _true(server.started or running.done()))
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.end.set()
        await running


@contextlib.asynccontextmanager
async def party(
    compose: Callable[[Environment], Party], values: dict[str, str], *, port: int = 0
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an outside party composed from these variables."""
    composed = compose(Environment(values))
    async with served(composed.app, port=port) as address, httpx.AsyncClient(base_url=address, timeout=60) as client:
        try:
            yield client
        finally:
            composed.stop.set()


async def eventually(condition: Callable[[], Awaitable[bool]], *, within_s: float = 60) -> None:
    """Returns as soon as the condition holds; fails when it does not within the time."""
    end = time.monotonic() + within_s
    while not await condition():
        assert time.monotonic() < end, f"not within {within_s} s"
        await asyncio.sleep(0.01)


@contextlib.contextmanager
def process(name: str, values: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A party as its supervisor starts it: the process and the address it announced ("" when it announced none)."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), **values}
    with subprocess.Popen(
        [sys.executable, "-m", f"deploy.local.{name}"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            assert started.stdout
            yield started, started.stdout.readline().rpartition(" ")[2].strip()
        finally:
            if started.poll() is None:
                started.send_signal(signal.SIGKILL)


async def _true(value: bool) -> bool:
    return value


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.end = asyncio.Event()

    async def main_loop(self) -> None:
        """Ends at once, where the original looks ten times a second."""
        await self.end.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to pytest."""
        yield
