"""Kafka and PostgreSQL, ours or given; the rest of the stack does not know which."""

import asyncio
import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from aiokafka.errors import KafkaError

from deploy.local.kafka import broker, jars
from deploy.local.ports import HOST, answers
from deploy.local.postgres import databases, server
from deploy.local.state import Ident
from deploy.local.supervisor import Supervisor
from deploy.local.trouble import Trouble

PATIENCE_S = 5.0


@dataclass(frozen=True)
class Kafka:
    """A broker that answered: where, and what it says of itself."""

    bootstrap: str
    about: str
    cluster_id: str
    embedded: bool


@dataclass(frozen=True)
class Postgres:
    """A server that answered: the address of a role that may create databases, and its version."""

    admin_url: str
    version: str
    embedded: bool


async def given_kafka(bootstrap: str) -> Kafka:
    """The broker of KAFKA_BOOTSTRAP; Trouble if none answers, never another one in its place."""
    try:
        async with asyncio.timeout(15):
            cluster_id = await broker.cluster_id_of(bootstrap)
    except (OSError, KafkaError, TimeoutError) as error:
        raise Trouble(
            f"KAFKA_BOOTSTRAP is set, but no Kafka answers at {bootstrap} ({type(error).__name__}); start it or unset the variable."
        ) from error
    return Kafka(bootstrap, f"given broker at {bootstrap}", cluster_id, embedded=False)


async def given_postgres(url: str) -> Postgres:
    """The server of DATABASE_URL; Trouble if it is unreachable or older than 17."""
    return Postgres(url, await databases.version(url), embedded=False)


async def start_kafka(
    supervisor: Supervisor,
    folder: Path,
    cache: Path,
    node: broker.Node,
    cluster: Sequence[broker.Node],
    more: Mapping[str, str],
) -> Kafka:
    """Starts an embedded broker, whose data lies in `folder`/<its name>, and waits until it has registered itself.

    `more`: settings of its own, over those of every broker.

    The brokers of a cluster are started together: none is ready before most of them run.
    """
    class_path = await asyncio.to_thread(jars.class_path, cache, tell=supervisor.tell)
    cluster_id = _cluster_id(folder / cluster[0].name)
    program = await asyncio.to_thread(
        broker.prepare, node, cluster, folder / node.name, class_path, cluster_id=cluster_id, more=more
    )

    async def ready() -> bool:
        if not answers(node.port):  # aiokafka logs each refused connection
            return False
        try:
            return await broker.cluster_id_of(node.address, node_id=node.node_id) == cluster_id
        except (OSError, KafkaError):
            return False

    await supervisor.start(program, ready=ready, within_s=120)
    version = next(jar.version for jar in jars.read_lock() if jar.artifact == "kafka_2.13")
    many = f" ×{len(cluster)}" if len(cluster) > 1 else ""
    bootstrap = ",".join(one.address for one in cluster)
    return Kafka(bootstrap, f"Apache Kafka {version}{many}", cluster_id, embedded=True)


async def start_postgres(supervisor: Supervisor, folder: Path, port: int) -> Postgres:
    """Starts the embedded server and waits until the one that answers is the one on our data."""
    program, data = await asyncio.to_thread(server.prepare, folder, port)
    url = f"postgresql://{server.SUPERUSER}@{HOST}:{port}/postgres"

    async def ready() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=2)
        except (OSError, asyncpg.PostgresError, asyncpg.InternalClientError):
            return False
        try:
            found = await connection.fetchval("SHOW data_directory")
        finally:
            await connection.close()
        return os.path.samefile(found, data)

    await _rid_of_killed_server(data)
    await supervisor.start(program, ready=ready)
    return Postgres(url, await databases.version(url), embedded=True)


async def _rid_of_killed_server(data: Path) -> None:
    """Waits until nothing of a killed server is left that a new one would take for a living one.

    Its sessions live on for moments and hold its shared memory; itself it may be dead and not yet collected by its new
    parent, for which PostgreSQL refuses to start. One that is never collected (a container without an init) is dead all the same.
    """
    lock = data / "postmaster.pid"
    try:
        lines = lock.read_text().splitlines()
        pid, segment = int(lines[0]), lines[6].split()[1]
    except (OSError, IndexError, ValueError):
        return
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while (_attached(segment) or _exists(pid)) and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)
    if not Ident.of(pid).alive and not _attached(segment):
        lock.unlink(missing_ok=True)


def _exists(pid: int) -> bool:
    """True for a process and also for its uncollected remains, as PostgreSQL sees it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _attached(segment: str) -> bool:
    """True while a process is attached to the System V shared memory segment with this id."""
    try:
        rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    except OSError:
        return False
    return any(row[1] == segment and row[6] != "0" for row in rows)


def _cluster_id(folder: Path) -> str:
    """The id of this folder's cluster, made once; Kafka wants 16 bytes as URL-safe base64."""
    file = folder / "cluster-id"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(_random_id())
    return file.read_text().strip()


def _random_id() -> str:
    text = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
    return text if not text.startswith("-") else _random_id()  # a dash in front would be read as an option
