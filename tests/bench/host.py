"""What the figures were made on: a figure without its machine means nothing."""

from __future__ import annotations

import os
import platform
import statistics
import time
from importlib import metadata
from pathlib import Path
from typing import Any

IN_MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs", "hugetlbfs"})
LIBRARIES = ("aiokafka", "asyncpg", "sqlalchemy", "fastapi", "uvicorn", "pydantic", "faststream", "httpx", "uvloop")
SYNCS = 200


def facts(folder: Path, *, steal_pct: float) -> dict[str, Any]:
    """`host` of the report; `folder` is where the data lies."""
    return {
        "cores": cores(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "cpu": cpu_model(),
        "filesystem": filesystem(folder),
        "fdatasync_us": fdatasync_us(folder),
        "steal_pct": round(steal_pct, 2),
    }


def cores() -> int:
    """Those that this process may run on."""
    return len(os.sched_getaffinity(0))


def libraries() -> dict[str, str]:
    """Versions of what a result depends on."""
    return {name: metadata.version(name) for name in LIBRARIES}


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def filesystem(path: Path) -> str:
    """Type of the file system that holds the path, by the longest mount point above it."""
    return filesystem_in(Path("/proc/mounts").read_text(encoding="utf-8"), path.resolve())


def filesystem_in(mounts: str, path: Path) -> str:
    rows = [line.split() for line in mounts.splitlines() if line]
    above = [(len(row[1]), number, row[2]) for number, row in enumerate(rows) if path.is_relative_to(row[1])]
    return max(above)[2] if above else "unknown"


def fdatasync_us(folder: Path) -> int:
    """Median of 8 KiB overwrites each made durable, as pg_test_fsync does with fdatasync."""
    file = folder / "fdatasync.probe"
    handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(handle, bytes(16 * 2**20), 0)
        os.fsync(handle)
        return round(statistics.median(_timed_sync(handle, number) for number in range(SYNCS)))
    finally:
        os.close(handle)
        file.unlink()


def _timed_sync(handle: int, number: int) -> float:
    began = time.perf_counter()
    os.pwrite(handle, bytes(8192), 0)
    os.fdatasync(handle)
    return (time.perf_counter() - began) * 1e6
