"""B2: rows of an event log acknowledged by the broker and behind a durable cursor, against a producer that has them in memory.

The log is filled once and never written to again; a side of the relay begins with its cursors at zero and a topic of its own. The
cursors are read from outside, so what counts as published is what a crash would not undo.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg

from tests.bench import log_rows, plain_producer, relay_steady
from tests.bench.beside import beside
from tests.bench.ground import Ground
from tests.bench.log_rows import Behind
from tests.bench.meters import Meters
from tests.bench.relay_steady import SERVICE, TOPIC
from tests.bench.report import Findings
from tests.bench.rounds import Measure, NoResult, Result, Side, Spec, ratio
from tests.bench.servers import Database, Servers, admin
from tests.bench.service_process import ServiceProcess
from tests.bench.topic_truth import truth

ROWS, KEYS = 200_000, 20_000
WARM = 0.1
POLL_S = 0.01
PATIENCE_S = 300.0
DRAIN = Spec("B2", "drain", "", passes=0.4, world_class=0.8)
SNAPSHOT = Spec("B2", "read-snapshot", "", passes=0.9, world_class=0.97)
"""Of itself, while a reader keeps one old snapshot."""


async def run(ground: Ground, findings: Findings) -> Sequence[Result]:
    small = 10 if ground.quick else 1
    with tempfile.TemporaryDirectory() as folder:
        servers = Servers.of(ground.stack, Path(folder))
        async with ground.only(), prepared(servers, rows=ROWS // small, keys=KEYS // small, seed=ground.seed) as bench:
            findings.payload_bytes["P3"] = round(bench.mean_bytes, 1)
            drain = await _of(ground, DRAIN, bench.numerator, bench.denominator, bench)
            snapshot = await _of(ground, SNAPSHOT, bench.with_snapshot_held, bench.numerator, bench)
            return [beside(drain, await bench.told(steady_s=5 if ground.quick else 20)), snapshot]


async def _of(ground: Ground, spec: Spec, numerator: Measure, denominator: Measure, bench: Bench) -> Result:
    spec = replace(spec, broker=ground.broker)
    return await ratio(
        spec.quick() if ground.quick else spec,
        numerator,
        denominator,
        prepare=lambda: bench.servers.settle(bench.log),
        tell=ground.tell,
    )


@dataclass
class Bench:
    """A filled log and what must come of it."""

    servers: Servers
    log: Database
    rows: int
    ids: set[bytes]
    behind: Behind
    mean_bytes: float

    async def numerator(self, number: int = 1) -> Side:
        """One relay process from a standing start; timed from the first tenth to the last row."""
        return await self._relayed(f"relay-{number}.log")

    async def with_snapshot_held(self, number: int = 1) -> Side:
        """The same while a reader keeps one old snapshot for the whole time."""
        connection = await asyncpg.connect(self.log.reader_url)
        try:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.fetchval("SELECT count(*) FROM event_log")
                return await self._relayed(f"relay-snapshot-{number}.log")
        finally:
            await connection.close()

    async def told(self, *, steady_s: float) -> dict[str, float]:
        """What stands beside the ratio, measured once: another client on the same rows, and a relay that keeps up."""
        other = await self.denominator(client="confluent")
        if any(other.checks.values()):
            raise NoResult(f"B2: confluent-kafka: {other.checks}")
        steady = await relay_steady.kept_up(self.servers, seconds=steady_s)
        return {"confluent_kafka_per_s": other.value, **{f"steady_{name}": value for name, value in steady.items()}}

    async def denominator(self, number: int = 1, *, client: str = "aiokafka") -> Side:
        """One producer with the rows in memory, awaited per 1,000."""
        async with self.servers.topics(TOPIC) as prefix:
            order = plain_producer.Order(
                self.log.reader_url, self.servers.bootstrap, prefix + TOPIC, client, int(self.rows * WARM)
            )
            sent = await plain_producer.send(order)
            checks = await truth(self.servers.bootstrap, prefix + TOPIC, self.ids)
        return Side(
            value=sent.items / sent.seconds,
            what=f"{client} idempotent send/s",
            items=sent.items,
            warmup_s=sent.warmup_s,
            measured_s=sent.seconds,
            checks=checks,
            alongside={"cpu_us_per_row": sent.cpu_s / sent.items * 1e6},
        )

    async def _relayed(self, log: str) -> Side:
        await self._rewind()
        async with (
            self.servers.topics(TOPIC) as prefix,
            relay_steady.relaying(self.servers, self.log, prefix, log) as process,
        ):
            watched = await self._watch(process)
            meters = await Meters.of([process.url])
            checks = await truth(self.servers.bootstrap, prefix + TOPIC, self.ids)
        repeated = checks.pop("doubled")  # allowed to a relay after a time-out, but no rate to be quoted
        return Side(
            value=watched.items / watched.seconds,
            what="relay rows/s",
            items=watched.items,
            warmup_s=watched.warmup_s,
            measured_s=watched.seconds,
            checks=checks,
            alongside={
                "cpu_us_per_row": watched.cpu_s / watched.items * 1e6,
                "statements_per_1000_rows": meters.statements / self.rows * 1_000,
                "mean_bytes": self.mean_bytes,
            },
            void=f"the relay sent {repeated} rows again" if repeated else None,
        )

    async def _rewind(self) -> None:
        """As before any relay ever ran."""
        async with admin(self.log.owner_url) as connection:
            await connection.execute("DELETE FROM relay_cursors; DELETE FROM relay_members")

    async def _watch(self, process: ServiceProcess) -> plain_producer.Sending:
        """From the first tenth behind the cursors to the last row."""
        began, deadline = time.perf_counter(), time.perf_counter() + PATIENCE_S
        warm: tuple[float, int, float] | None = None
        async with admin(self.log.reader_url) as connection:
            while True:
                count = await self.behind.count(connection)
                now = time.perf_counter()
                if warm is None and count >= self.rows * WARM:
                    warm = (now, count, process.cpu_s())
                if count >= self.rows and warm is not None:
                    at, before, cpu = warm
                    return plain_producer.Sending(count - before, now - at, at - began, process.cpu_s() - cpu)
                process.fail_if_ended()
                if now > deadline:
                    raise TimeoutError(f"{count} of {self.rows} rows behind the cursors after {PATIENCE_S} s")
                await asyncio.sleep(POLL_S)


@asynccontextmanager
async def prepared(servers: Servers, *, rows: int = ROWS, keys: int = KEYS, seed: int = 1) -> AsyncIterator[Bench]:
    """The filled log; `rows` is a multiple of `keys`."""
    async with servers.database(SERVICE) as log:
        await log_rows.fill(log.owner_url, log_rows.keys(keys, seed), per_key=rows // keys)
        async with admin(log.owner_url) as connection:
            ids = {str(row["event_id"]).encode() for row in await connection.fetch("SELECT event_id FROM event_log")}
            mean: Any = await connection.fetchval("SELECT avg(octet_length(payload)) FROM event_log")
            behind = await Behind.of(connection)
        yield Bench(servers, log, rows, ids, behind, float(mean))
