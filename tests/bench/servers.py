"""Fresh databases and topics of a side's own, on servers that are there: no side meets rows, bloat or offsets of the one before it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy import topics
from deploy.local.places import PROJECT
from deploy.local.postgres import databases
from deploy.local.stack import LocalStack


@dataclass(frozen=True)
class Database:
    """A database of one service, and who may come in how."""

    name: str
    owner_url: str
    writer_url: str
    reader_url: str
    admin_url: str


@dataclass(frozen=True)
class Servers:
    """`folder` takes logs and what children hand back."""

    bootstrap: str
    admin_url: str
    folder: Path

    @classmethod
    def of(cls, stack: LocalStack, folder: Path) -> Servers:
        """Those of the estate; its own databases and topics are left alone."""
        return cls(stack.kafka.bootstrap, stack.postgres.admin_url, folder)

    @asynccontextmanager
    async def database(self, service: str, template: str = "") -> AsyncIterator[Database]:
        """A migrated and empty one, or a copy of `template` (a database name); dropped at the end."""
        name = f"bench_{service}_{os.urandom(4).hex()}"
        database = self.named(service, name)
        async with admin(self.admin_url) as connection:
            source = template or await self._migrated(connection, service)
            await connection.execute(
                f'CREATE DATABASE "{name}" TEMPLATE "{source}" OWNER "{databases.role_name(service, "owner")}"'
            )
            await databases.grant_connect(connection, service, name)
        try:
            yield database
        finally:
            async with admin(self.admin_url) as connection:
                await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def named(self, service: str, name: str) -> Database:
        server = databases.Server(self.admin_url)
        owner, writer, reader = (server.url(service, role, database=name) for role in databases.ROLES)
        return Database(name, owner, writer, reader, self.admin_url.rpartition("/")[0] + f"/{name}")

    async def _migrated(self, connection: asyncpg.Connection[asyncpg.Record], service: str) -> str:
        """The empty database of today's migrations, made once per server and run."""
        name = f"bench_empty_{service}_{os.getpid()}"
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
            server = databases.Server(self.admin_url)
            await databases.create_roles(connection, server, service)
            await databases.create_database(connection, name, databases.role_name(service, "owner"))
            await asyncio.to_thread(_migrate, service, server.url(service, "owner", database=name))
        return name

    @asynccontextmanager
    async def topics(self, *names: str) -> AsyncIterator[str]:
        """These declared topics under a prefix of their own, which is given ("b1f….") and deleted at the end."""
        prefix = f"b{os.urandom(5).hex()}."
        own = [topic for topic in topics.declared(prefix=prefix) if topic.name.removeprefix(prefix) in names]
        await topics.ensure(self.bootstrap, own)
        try:
            yield prefix
        finally:
            await topics.delete(self.bootstrap, own)

    async def settle(self, *found: Database) -> None:
        """Vacuumed, analysed and checkpointed: what comes next does not pay for what was before."""
        for database in found:
            async with admin(database.admin_url) as connection:
                await connection.execute("VACUUM (ANALYZE)")
        async with admin(self.admin_url) as connection:
            await connection.execute("CHECKPOINT")


@asynccontextmanager
async def admin(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def length(bootstrap: str, topic: str) -> int:
    """How many records the topic holds."""
    async with reading(bootstrap, topic) as (consumer, parts):
        ends, starts = await consumer.end_offsets(parts), await consumer.beginning_offsets(parts)
        return sum(ends[part] - starts[part] for part in parts)


@asynccontextmanager
async def reading(bootstrap: str, topic: str) -> AsyncIterator[tuple[AIOKafkaConsumer, Sequence[TopicPartition]]]:
    """A bare reader at the beginning of every partition, without a group."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        await consumer._client.add_topic(topic)
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(parts)
        yield consumer, parts
    finally:
        await consumer.stop()


def _migrate(service: str, owner_url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chassis.migrate", service],
        cwd=PROJECT,
        env=os.environ | {"PERISAI_OWNER_DATABASE_URL": owner_url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The migrations of {service} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
