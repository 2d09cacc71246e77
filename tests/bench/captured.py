"""The baseline of effects: the very statements that the worker's use case sends, from its rows in memory, on one connection.

Rows are captured as objects where the worker hands them to `chassis.rows`, so what it costs to make parameters of them belongs to both sides
(docs/decisions/063); other statements are captured with their parameters. A process that has nothing else to do sends them again to an empty
copy of the database: `python -m tests.bench.captured` is given a JSON object on stdin and answers one on stdout.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import pickle
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvloop
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import memory, rows, tables
from chassis.consumer import Consumer
from chassis.database import make_engine
from chassis.lanes import BATCH
from chassis.records import Coordinates, Record
from chassis.service import App, Service
from chassis.settings import Environment
from deploy.local.places import PROJECT
from tests.bench.registrations import TOPIC, Registrations
from tests.bench.service_process import KEY_DOOR_TOKEN
from tests.bench.statements import Batch, Statement, Write
from tests.support.service import Letters, settings_for

_WRITERS = ("insert", "upsert", "add", "delete")


@dataclass(frozen=True)
class Replay:
    """What to send where: `captured` is a file of pickled batches, the first `warmup` of them untimed."""

    service: str
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
    writing: list[Write] = []

    def sent(_conn: Any, _cursor: Any, sql: str, parameters: Any, *_: Any) -> None:
        if not writing:
            batches[-1].append(Statement(sql, tuple(parameters)))

    event.listen(app.engine.sync_engine, "before_cursor_execute", sent)
    consumer = _consumer(app)
    records = [
        Record(Coordinates(TOPIC, 0, offset), key, value, tuple(headers))
        for offset, (key, value, headers) in enumerate(registrations.records)
    ]
    try:
        with _heard(batches, writing):
            for start in range(0, len(records), BATCH):
                batches.append([])
                await consumer.consume(records[start : start + BATCH])
        if app.counters.commits != len(batches):
            raise RuntimeError(f"{app.counters.commits} commits for {len(batches)} batches")
    finally:
        await app.close()
    return batches


@contextmanager
def _heard(batches: list[Batch], writing: list[Write]) -> Iterator[None]:
    """Meanwhile every call of `chassis.rows` goes into the last batch, and stands in `writing` while it works."""
    true = {name: getattr(rows, name) for name in _WRITERS}

    def listening(name: str) -> Any:
        async def write(conn: AsyncConnection, table: sa.Table, given: Sequence[Mapping[str, Any]], **more: Any) -> Any:
            one = Write(name, table.name, [dict(row) for row in given], more)
            if given:
                batches[-1].append(one)
            writing.append(one)
            try:
                return await true[name](conn, table, given, **more)
            finally:
                writing.pop()

        return write

    for name in _WRITERS:
        setattr(rows, name, listening(name))
    try:
        yield
    finally:
        for name, function in true.items():
            setattr(rows, name, function)


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
    service: Service = importlib.import_module(f"services.{order.service}.app").SERVICE
    known = {**tables.metadata.tables, **{table.name: table for table in service.tables}}
    engine, _ = make_engine(order.database_url, name="baseline", pool_size=1)
    memory.settle()
    try:
        async with engine.connect() as connection:
            began = time.perf_counter()
            await _send(connection, batches[: order.warmup], known)
            warm, cpu = time.perf_counter(), time.process_time()
            await _send(connection, batches[order.warmup :], known)
            ended = time.perf_counter()
    finally:
        await engine.dispose()
    return Replayed(len(batches) - order.warmup, ended - warm, warm - began, time.process_time() - cpu)


async def _send(connection: AsyncConnection, batches: Sequence[Batch], known: Mapping[str, sa.Table]) -> None:
    for batch in batches:
        for one in batch:
            if isinstance(one, Write):
                await getattr(rows, one.how)(connection, known[one.table], one.given, **one.more)
            else:
                (await connection.exec_driver_sql(one.sql, one.parameters)).close()
        await connection.commit()


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_main(Replay(**json.load(sys.stdin)))))))
