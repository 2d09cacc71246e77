"""The server's own load generator as the plain baseline: a script of statements, prepared, so many clients."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from deploy.local.postgres.server import INSTALL, wheel_folder

_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_DONE = re.compile(r"^number of transactions actually processed: (\d+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: (\d+)", re.MULTILINE)


class Refused(RuntimeError):
    """pgbench ended with an error; its words."""


async def run(url: str, script: Path, *, clients: int, threads: int, seconds: float) -> tuple[float, int, int]:
    """(transactions per second, transactions, failed ones) of `pgbench -n -M prepared -f script`."""
    program = wheel_folder() / INSTALL / "bin" / "pgbench"
    argv = ["-n", "-M", "prepared", "-c", str(clients), "-j", str(threads), "-T", str(max(1, round(seconds)))]
    process = await asyncio.create_subprocess_exec(
        str(program),
        *argv,
        "-f",
        str(script),
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "LANG": "C"},
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise Refused(err.decode()[-500:])
    return read(out.decode())


def read(text: str) -> tuple[float, int, int]:
    """From what pgbench prints."""
    tps, done, failed = _TPS.search(text), _DONE.search(text), _FAILED.search(text)
    if tps is None or done is None:
        raise Refused(text[-500:])
    return float(tps[1]), int(done[1]), int(failed[1]) if failed else 0
