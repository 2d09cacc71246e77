"""The embedded servers as a whole: faults by name, the same data after every kind of end, nothing left behind."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.places import PROJECT
from deploy.local.stack import LocalStack
from deploy.local.state import StateFile
from deploy.local.trouble import Trouble
from tests.support.eventually import eventually

pytestmark = pytest.mark.timeout(240)  # several whole starts of Kafka


async def _write(stack: LocalStack, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait("perisai.audit", value, partition=0)
    finally:
        await producer.stop()
    connection = await asyncpg.connect(stack.postgres.admin_url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS written (value bytea)")
        await connection.execute("INSERT INTO written VALUES ($1)", value)
    finally:
        await connection.close()


async def _written(stack: LocalStack) -> tuple[list[bytes], list[bytes]]:
    consumer = AIOKafkaConsumer(
        "perisai.audit", bootstrap_servers=stack.kafka.bootstrap, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        records = await consumer.getmany(timeout_ms=60_000)  # as soon as there are any
    finally:
        await consumer.stop()
    connection = await asyncpg.connect(stack.postgres.admin_url)
    try:
        rows = await connection.fetch("SELECT value FROM written ORDER BY value")
    finally:
        await connection.close()
    return [record.value for batch in records.values() for record in batch], [row["value"] for row in rows]


async def test_data_and_ports_survive_a_kill_a_restart_and_a_whole_new_start(open_folder: Path) -> None:
    async with LocalStack(open_folder, environ={}) as stack:
        await _write(stack, b"1")
        first_ports = stack.ports
        await stack.kill("kafka")
        await stack.kill("postgres")
        assert not stack.running("kafka")
        assert not stack.running("postgres")
        await stack.restart("postgres")
        await stack.restart("kafka")
        assert await _written(stack) == ([b"1"], [b"1"])
    async with LocalStack(open_folder, environ={}) as again:
        assert again.ports == first_ports
        await _write(again, b"2")
        assert await _written(again) == ([b"1", b"2"], [b"1", b"2"])


async def test_a_server_that_dies_unasked_ends_the_work_with_its_name(open_folder: Path) -> None:
    async with LocalStack(open_folder, environ={}) as stack:
        os.kill(stack.pid("kafka"), signal.SIGKILL)
        with pytest.raises(Trouble, match=r"^kafka was killed by signal 9; its log is"):
            await stack.unless_crashed(asyncio.sleep(60))
    assert StateFile(open_folder).read().processes == {}


async def test_a_killed_supervisor_leaves_nothing_and_the_next_start_works_on_the_same_data(open_folder: Path) -> None:
    serve = (sys.executable, "-m", "deploy.local.dev", "serve", "--folder", str(open_folder))
    supervisor = await asyncio.create_subprocess_exec(*serve, cwd=PROJECT, stdout=DEVNULL, stderr=DEVNULL)
    await eventually(lambda: bool(StateFile(open_folder).read().facts), what="both servers up")
    killed = StateFile(open_folder).read()
    assert killed.running
    assert len(killed.processes) == 2
    supervisor.kill()
    await supervisor.wait()
    assert not StateFile(open_folder).read().running
    async with LocalStack(open_folder, environ={}) as stack:
        assert not any(process.alive for process in killed.processes.values())
        assert stack.ports == killed.ports
        await _write(stack, b"1")
        assert await _written(stack) == ([b"1"], [b"1"])
