"""Toy services as real processes: started, crashed at a named point, stopped, and waited for."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local.places import PROJECT
from tests.support.service import AUDIENCE, ISSUER, NIK_HASH_KEY, key_bytes

START_S = 60


def environment(service: str, database_url: str, bootstrap: str, prefix: str, **more: str) -> dict[str, str]:
    """Of a process that takes any free port."""
    settings = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP": bootstrap,
        "TOPIC_PREFIX": prefix,
        "HTTP_PORT": "0",
        "JWKS_URL": "http://127.0.0.1:1/jwks",
        "ISSUER": ISSUER,
        "AUDIENCE": AUDIENCE,
        "MASTER_KEY": base64.b64encode(key_bytes(service)).decode(),
        "NIK_HASH_KEY": base64.b64encode(NIK_HASH_KEY).decode(),
        "REGISTRATION_URL": "http://127.0.0.1:1",
        "KEY_DOOR_TOKEN": "tests",
    }
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return inherited | {f"PERISAI_{name}": value for name, value in settings.items()} | more


class Running:
    """A process and what it has printed."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode().rstrip())

    def said(self, event: str) -> bool:
        return any(event in line for line in self.lines)

    async def stop(self) -> int:
        """As a supervisor does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self, within_s: float = START_S) -> int:
        """The exit code; negative for a signal."""
        async with asyncio.timeout(within_s):
            code = await self.process.wait()
            await self._reading
        return code


@asynccontextmanager
async def started(service: str, environ: dict[str, str]) -> AsyncIterator[Running]:
    """A toy process, killed at the end if it has not ended by itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.toy_process", service, cwd=PROJECT, env=environ, stdout=PIPE, stderr=STDOUT
    )
    running = Running(process)
    try:
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await running.ended()


def fired(log: Path) -> int:
    """How often a crash point fired."""
    return len(log.read_text().splitlines()) if log.exists() else 0
