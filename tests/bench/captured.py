"""The baseline of effects: the very statements, with the very parameters, that the worker's use case sends, on one bare connection.

They are captured while the real consumer works the same records in batches of 500, then sent again to an empty copy of the database by a
process that has nothing else to do: `python -m tests.bench.captured` is given a JSON object on stdin and answers one on stdout.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import pickle
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from sqlalchemy import event

from chassis.consumer import MAX_RECORDS, Consumer
from chassis.records import Coordinates, Record
from chassis.service import App, Service
from chassis.settings import Environment
from deploy.local.places import PROJECT
from tests.bench.registrations import TOPIC, Registrations
from tests.bench.service_process import KEY_DOOR_TOKEN
from tests.support.service import Letters, settings_for

Statement = tuple[str, tuple[Any, ...]]
Batch = list[Statement]


@dataclass(frozen=True)
class Replay:
    """What to send where: `captured` is a file of pickled batches, the first `warmup` of them untimed."""

    database_url: str
    captured: str
    warmup: int


@dataclass(frozen=True)
class Replayed:
    """Seconds and CPU seconds without the warm-up."""

    batches: int
    seconds: float
    warmup_s: float
    cpu_s: float


async def capture(service: Service, database_url: str, registrations: Registrations, **settings: Any) -> list[Batch]:
    """What the consumer of `service` sends for these records, batch by batch. Raises when one batch is more than one commit."""
    app = App(
        service,
        settings_for(
            service, database_url, environment=Environment.PRODUCTION, key_door_token=KEY_DOOR_TOKEN, **settings
        ),
    )
    app.keys.cache.update(registrations.keys)
    batches: list[Batch] = []

    def sent(_conn: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        batches[-1].append((sql, tuple(parameters)))

    event.listen(app.engine.sync_engine, "before_cursor_execute", sent)
    consumer = _consumer(app)
    records = [
        Record(Coordinates(TOPIC, 0, offset), key, value, tuple(headers))
        for offset, (key, value, headers) in enumerate(registrations.records)
    ]
    try:
        for start in range(0, len(records), MAX_RECORDS):
            batches.append([])
            await consumer.consume(records[start : start + MAX_RECORDS])
        if app.counters.commits != len(batches):
            raise RuntimeError(f"{app.counters.commits} commits for {len(batches)} batches")
    finally:
        await app.close()
    return batches


def _consumer(app: App) -> Consumer:
    (subscription,) = [s for s in app.composition.subscriptions if s.topic == TOPIC]
    return Consumer(
        subscription,
        service=app.service.name,
        catalogue=app.service.catalogue,
        batches=app.batches,
        keys=app.keys,
        letters=Letters(),
    )


async def replayed(order: Replay) -> Replayed:
    """In a process of its own. Raises RuntimeError with what it said when it failed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.captured",
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    out, error = await child.communicate(json.dumps(asdict(order)).encode())
    if child.returncode:
        raise RuntimeError(f"the replay of captured statements failed: {error.decode()[-2000:]}")
    return Replayed(**json.loads(out))


async def _main(order: Replay) -> Replayed:
    batches: list[Batch] = pickle.loads(Path(order.captured).read_bytes())
    gc.collect()
    gc.freeze()
    connection = await asyncpg.connect(order.database_url, server_settings={"jit": "off"})
    try:
        began = time.perf_counter()
        await _send(connection, batches[: order.warmup])
        warm, cpu = time.perf_counter(), time.process_time()
        await _send(connection, batches[order.warmup :])
        ended = time.perf_counter()
    finally:
        await connection.close()
    return Replayed(len(batches) - order.warmup, ended - warm, warm - began, time.process_time() - cpu)


async def _send(connection: asyncpg.Connection[asyncpg.Record], batches: Sequence[Batch]) -> None:
    for batch in batches:
        async with connection.transaction():
            for sql, parameters in batch:
                await connection.fetch(sql, *parameters)


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_main(Replay(**json.load(sys.stdin)))))))
