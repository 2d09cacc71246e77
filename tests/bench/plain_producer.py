"""The baseline of the relay: one producer of the relay's own settings that sends rows which are in memory already.

`python -m tests.bench.plain_producer` is given a JSON object on stdin and answers one on stdout. It runs on uvloop like a service, in
a process of its own like a service, and its rows are frozen out of the garbage collector: nothing is made slower than it must be.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
import uvloop

from chassis import eventlog
from chassis.database import make_engine
from chassis.producer import make_producer
from deploy.local.places import PROJECT

TOGETHER = 1_000
Sent = tuple[bytes, bytes, list[tuple[str, str | bytes | None]]]
"""key, value, headers"""


@dataclass(frozen=True)
class Order:
    """What to send: the log of `database_url` (a reader), by `client` ("aiokafka" or "confluent"), the first `warmup` rows untimed."""

    database_url: str
    bootstrap: str
    topic: str
    client: str
    warmup: int


@dataclass(frozen=True)
class Sending:
    """What it took; seconds and CPU seconds without the warm-up."""

    items: int
    seconds: float
    warmup_s: float
    cpu_s: float


async def send(order: Order) -> Sending:
    """In a process of its own. Raises RuntimeError with what it said when it failed."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.plain_producer",
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ),
    )
    out, error = await child.communicate(json.dumps(asdict(order)).encode())
    if child.returncode:
        raise RuntimeError(f"the plain producer failed: {error.decode()[-2000:]}")
    return Sending(**json.loads(out))


async def _rows(database_url: str) -> list[Sent]:
    """The log in its order, as the relay would hand it to the producer."""
    engine, _ = make_engine(database_url, name="bench-producer", pool_size=1)
    query = sa.text(f"SELECT {eventlog.ENVELOPE_COLUMNS} FROM event_log ORDER BY tx_id, position")
    rows: list[Sent] = []
    async with engine.connect() as conn:
        async for row in await conn.stream(query):
            headers = eventlog.envelope_of(row, "payments").to_headers()
            rows.append((row.key.encode(), bytes(row.payload), [*headers]))
    await engine.dispose()
    return rows


async def _by_aiokafka(order: Order, rows: Sequence[Sent]) -> Sending:
    producer = make_producer(order.bootstrap.split(","), client_id="bench-plain")
    await producer.start()
    try:
        began = time.perf_counter()
        await _send(producer, order.topic, rows[: order.warmup])
        warm, cpu = time.perf_counter(), time.process_time()
        await _send(producer, order.topic, rows[order.warmup :])
        ended = time.perf_counter()
    finally:
        await producer.stop()
    return Sending(len(rows) - order.warmup, ended - warm, warm - began, time.process_time() - cpu)


async def _send(producer: Any, topic: str, rows: Sequence[Sent]) -> None:
    acks = []
    for key, value, headers in rows:
        acks.append(await producer.send(topic, key=key, value=value, headers=headers))
        if len(acks) == TOGETHER:
            await asyncio.gather(*acks)
            acks.clear()
    await asyncio.gather(*acks)


def _by_confluent(order: Order, rows: Sequence[Sent]) -> Sending:
    """librdkafka with the same promises; it is not made to wait per 1,000, its own queue is its window."""
    from confluent_kafka import Producer

    settings = {
        "bootstrap.servers": order.bootstrap,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 5,
        "batch.size": 131_072,
        "partitioner": "murmur2_random",
        "queue.buffering.max.messages": len(rows) + 1,
        "queue.buffering.max.kbytes": 2**21 - 1,
    }
    producer, failed = Producer(settings), []

    def delivered(error: object, _message: object) -> None:
        if error is not None:
            failed.append(error)

    def produce(some: Sequence[Sent]) -> None:
        for number, (key, value, headers) in enumerate(some):
            producer.produce(order.topic, value, key, headers=headers, on_delivery=delivered)
            if number % 100 == 0:
                producer.poll(0)
        producer.flush()

    began = time.perf_counter()
    produce(rows[: order.warmup])
    warm, cpu = time.perf_counter(), time.process_time()
    produce(rows[order.warmup :])
    ended = time.perf_counter()
    if failed:
        raise RuntimeError(f"{len(failed)} records were not delivered: {failed[0]}")
    return Sending(len(rows) - order.warmup, ended - warm, warm - began, time.process_time() - cpu)


async def _main(order: Order) -> Sending:
    rows = await _rows(order.database_url)
    gc.collect()
    gc.freeze()
    if order.client == "confluent":
        return await asyncio.to_thread(_by_confluent, order, rows)
    return await _by_aiokafka(order, rows)


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_main(Order(**json.load(sys.stdin)))))))
