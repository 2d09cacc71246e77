"""One real process of a service under the settings of production: started, watched, and ended however the benchmark ends.

`under` lets a profiler start it instead of us; the process itself is then the profiler's child, and signals go to it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from deploy.local.places import PROJECT
from tests.support.eventually import eventually
from tests.support.service import AUDIENCE, NIK_HASH_KEY, key_bytes

STOPS_WITHIN_S = 30.0
READY_WITHIN_S = 60.0
KEY_DOOR_TOKEN = base64.urlsafe_b64encode(key_bytes("key door of the benchmarks")[:36]).decode()
"""Invented, and long enough for the rules of production."""
TICKS = os.sysconf("SC_CLK_TCK")

Under = Callable[[str], Sequence[str]]
"""Name of a service → what its command line stands behind."""
_under: Under = lambda service: ()  # noqa: E731


class Ended(RuntimeError):
    """The process ended before the benchmark did. Tells the last lines of its log."""


def profile_with(under: Under) -> None:
    """From now on every service starts behind this command line."""
    global _under
    _under = under


def environment(
    service: str,
    roles: str,
    *,
    database_url: str,
    bootstrap: str,
    prefix: str,
    port: int,
    jwks_url: str = "http://127.0.0.1:1/jwks",
    issuer: str = "https://issuer.example",
    registration_url: str = "http://127.0.0.1:1",
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Production: no assertions of tests, logs as JSON. Keys are the same in every run."""
    settings = {
        "ENVIRONMENT": "production",
        "ROLES": roles,
        "DATABASE_URL": database_url,
        "KAFKA_BOOTSTRAP": bootstrap,
        "TOPIC_PREFIX": prefix,
        "HTTP_PORT": str(port),
        "JWKS_URL": jwks_url,
        "ISSUER": issuer,
        "AUDIENCE": AUDIENCE,
        "MASTER_KEY": base64.b64encode(key_bytes(service)).decode(),
        "NIK_HASH_KEY": base64.b64encode(NIK_HASH_KEY).decode(),
        "REGISTRATION_URL": "" if service == "registration" else registration_url,
        "KEY_DOOR_TOKEN": KEY_DOOR_TOKEN,
        **(more or {}),
    }
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return inherited | {f"PERISAI_{name}": value for name, value in settings.items()}


class ServiceProcess:
    """`url` answers probes and counters; `pid` is that of the Python process, also under a profiler."""

    def __init__(self, service: str, child: asyncio.subprocess.Process, log: Path, url: str, *, wrapped: bool) -> None:
        self.service, self.log, self.url = service, log, url
        self._child, self._wrapped = child, wrapped

    @property
    def pid(self) -> int:
        if not self._wrapped:
            return self._child.pid
        children = Path(f"/proc/{self._child.pid}/task/{self._child.pid}/children").read_text().split()
        return int(children[0]) if children else self._child.pid

    def fail_if_ended(self) -> None:
        """Raises Ended, so that a benchmark never waits for a process that is gone."""
        if self._child.returncode is not None:
            lines = self.log.read_text(errors="replace").splitlines()[-15:]
            raise Ended(f"{self.service} ended with {self._child.returncode}:\n" + "\n".join(lines))

    def cpu_s(self) -> float:
        """User and system seconds so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_mib(self) -> float:
        """The most memory it ever had resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024

    async def stop(self) -> None:
        """As a supervisor does; killed when it takes too long."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> None:
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            try:
                await asyncio.wait_for(self._child.wait(), STOPS_WITHIN_S)
            except TimeoutError:
                self._child.kill()
                await self._child.wait()


@asynccontextmanager
async def started(service: str, environ: Mapping[str, str], log: Path) -> AsyncIterator[ServiceProcess]:
    """`python -m services.<service>`; stopped at the end. What it says goes to `log`."""
    wrap = tuple(_under(service))
    with log.open("ab") as out:
        child = await asyncio.create_subprocess_exec(
            *wrap,
            sys.executable,
            "-m",
            f"services.{service}",
            cwd=PROJECT,
            env=dict(environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    url = f"http://127.0.0.1:{environ['PERISAI_HTTP_PORT']}"
    process = ServiceProcess(service, child, log, url, wrapped=bool(wrap))
    try:
        yield process
    finally:
        await process.stop()


async def until_ready(process: ServiceProcess) -> None:
    """Returns when its API says so. Raises Ended when it never will."""
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:

        async def ready() -> bool:
            process.fail_if_ended()
            try:
                return (await client.get(f"{process.url}/health/ready")).status_code == httpx.codes.OK
            except httpx.HTTPError:
                return False

        await eventually(ready, within_s=READY_WITHIN_S, what=f"{process.service} ready")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
