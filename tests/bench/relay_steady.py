"""A relay that keeps up: rows arrive at a fixed rate whatever happens, and the age of the oldest one that is not published is sampled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from chassis.cursors import UNPUBLISHED
from tests.bench import log_rows, service_process
from tests.bench.latency import percentile
from tests.bench.meters import Meters
from tests.bench.servers import Database, Servers, admin
from tests.bench.service_process import ServiceProcess
from tests.support.eventually import eventually

SERVICE, TOPIC = "payments", "contributions"
PER_S = 5_000
EVERY_S = 0.02
SAMPLE_S = 0.01
WARM_S = 2.0
KEYS = 2_000


@asynccontextmanager
async def relaying(servers: Servers, log: Database, prefix: str, file: str) -> AsyncIterator[ServiceProcess]:
    """One process of the service with no role but this."""
    environ = service_process.environment(
        SERVICE,
        "relay",
        database_url=log.writer_url,
        bootstrap=servers.bootstrap,
        prefix=prefix,
        port=service_process.free_port(),
    )
    async with service_process.started(SERVICE, environ, servers.folder / file) as process:
        yield process


async def kept_up(servers: Servers, *, seconds: float) -> dict[str, float]:
    """Age of the oldest unpublished row (ms), statements per 1,000 rows, lateness of the writer (ms), over this time."""
    async with servers.database(SERVICE) as log, servers.topics(TOPIC) as prefix:
        async with relaying(servers, log, prefix, "relay-steady.log") as process:
            await service_process.until_ready(process)
            return await _sampled(log, process, seconds)


async def _sampled(log: Database, process: ServiceProcess, seconds: float) -> dict[str, float]:
    ages: list[float] = []
    async with admin(log.owner_url) as writing, admin(log.reader_url) as reading:
        writer = asyncio.create_task(_write(writing, WARM_S + seconds))
        await eventually(lambda: _published(reading), within_s=WARM_S + seconds, what="the first rows relayed")
        before, began = await Meters.of([process.url]), time.perf_counter()
        while not writer.done():
            ages.append(1_000 * await _oldest_s(reading))
            process.fail_if_ended()
            await asyncio.sleep(SAMPLE_S)
        spent, lateness = await Meters.of([process.url]) - before, await writer
    rows = spent.total("perisai_relay_rows_total")
    return {
        "oldest_unpublished_p50_ms": percentile(ages, 50),
        "oldest_unpublished_p99_ms": percentile(ages, 99),
        "samples": len(ages),
        "relayed_per_s": rows / (time.perf_counter() - began),
        "statements_per_1000_rows": spent.statements / max(rows, 1) * 1_000,
        "writer_lateness_p99_ms": percentile(lateness, 99),
    }


async def _write(connection: asyncpg.Connection[asyncpg.Record], seconds: float) -> list[float]:
    """Appends on schedule; how late each append began, in ms. No append is skipped because an earlier one took long."""
    keys, each = log_rows.keys(KEYS, 2), round(PER_S * EVERY_S)
    began, lateness = time.perf_counter(), []
    for number in range(round(seconds / EVERY_S)):
        due = began + number * EVERY_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        lateness.append(1_000 * (time.perf_counter() - due))
        start = number * each % KEYS
        await log_rows.append(connection, keys[start : start + each], seq=1 + number * each // KEYS)
    return lateness


async def _published(connection: asyncpg.Connection[asyncpg.Record]) -> bool:
    return bool(await connection.fetchval("SELECT count(*) FROM relay_cursors WHERE position > 0"))


async def _oldest_s(connection: asyncpg.Connection[asyncpg.Record]) -> float:
    row = await connection.fetchrow(UNPUBLISHED.text)
    return float(row["age"] or 0.0)
