"""Which broker does what at the moment, asked of the cluster itself; and stopping a broker as a machine stops that hangs."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.kafka import cluster
from tests.faults.ground import Ground

STOPS_WITHIN_S = 1.0


@asynccontextmanager
async def admin(ground: Ground) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=ground.estate.stack.kafka.bootstrap.split(","))
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def leader(ground: Ground) -> str:
    """The broker that leads most partitions of our topics."""
    stack = ground.estate.stack
    async with admin(ground) as client:
        topics = await client.describe_topics()
    ours = [topic for topic in topics if topic["topic"].startswith(stack.topic_prefix)]
    counts = Counter(int(part["leader"]) for topic in ours for part in topic["partitions"])
    return stack.brokers[counts.most_common(1)[0][0] - 1]


async def coordinator(ground: Ground, group: str) -> str:
    """The broker that this consumer group answers to."""
    async with admin(ground) as client:
        return ground.estate.stack.brokers[int(await client.find_coordinator(group)) - 1]


def controller(ground: Ground) -> str:
    """The broker that leads the quorum of controllers."""
    stack = ground.estate.stack
    return cluster.controller(stack.folder, len(stack.brokers))


def freeze(ground: Ground, names: Sequence[str]) -> None:
    """SIGSTOP: the machine hangs, its connections stay open."""
    _signal(ground, names, signal.SIGSTOP)


def thaw(ground: Ground, names: Sequence[str]) -> None:
    """SIGCONT: it goes on, and does not know that time has passed."""
    _signal(ground, names, signal.SIGCONT)


def frozen(ground: Ground, name: str) -> bool:
    """Whether the kernel says so, which may be a moment after the signal."""
    deadline = time.monotonic() + STOPS_WITHIN_S
    while not (stopped := _state(ground.estate.stack.pid(name)) == "T") and time.monotonic() < deadline:
        time.sleep(0.005)
    return stopped


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()[0]


def _signal(ground: Ground, names: Sequence[str], number: signal.Signals) -> None:
    for name in names:
        os.kill(ground.estate.stack.pid(name), number)
