"""Kafka and PostgreSQL in containers, where a daemon has them. testcontainers is imported only here and only then: it costs 2 s,
and without a daemon its constructors raise."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from deploy.local import ports
from deploy.local.postgres import databases
from deploy.local.servers import given_kafka
from deploy.local.trouble import Trouble

KAFKA_IMAGE = os.environ.get("TEST_KAFKA_IMAGE", "apache/kafka:4.4.0")
POSTGRES_IMAGE = os.environ.get("TEST_POSTGRES_IMAGE", "postgres:18")
PATIENCE_S = 60
DAEMON_PATIENCE_S = 5

T = TypeVar("T")


def at_hand() -> bool:
    """True if a daemon answers and has both images."""
    return bool(shutil.which("docker")) and all(
        _docker("image", "inspect", image) for image in (KAFKA_IMAGE, POSTGRES_IMAGE)
    )


def start() -> dict[str, Any]:
    """Starts both and waits until they answer; the fields of a Stack. Raises Trouble if there is no daemon or an image is not to be had."""
    if not _docker("version"):
        raise Trouble("TEST_STACK=containers is set, but no container daemon answers; start one or unset the variable.")
    from docker.errors import DockerException

    try:
        return asyncio.run(_start())
    except (DockerException, TimeoutError, OSError) as error:
        raise Trouble(f"The test containers did not start ({type(error).__name__}): {error}") from error


def remove(ids: Sequence[str]) -> None:
    """Removes containers with their data."""
    if ids:
        _docker("rm", "--force", "--volumes", *ids)


async def _start() -> dict[str, Any]:
    from testcontainers.core.container import DockerContainer

    port = ports.choose(["kafka"], previous={}, demanded={})["kafka"]
    kafka = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
    for name, value in _kafka_environment(port).items():
        kafka = kafka.with_env(name, value)
    postgres = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432).with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
    kafka.start()
    postgres.start()
    bootstrap = f"{ports.HOST}:{port}"
    url = f"postgresql://postgres@{ports.HOST}:{postgres.get_exposed_port(5432)}/postgres"
    ids = tuple(str(c.get_wrapped_container().id) for c in (kafka, postgres))
    about = f"Apache Kafka of {KAFKA_IMAGE}"
    async with asyncio.timeout(PATIENCE_S):
        await _until_answers(given_kafka, bootstrap)
        version = await _until_answers(databases.version, url)
    return {
        "kafka_bootstrap": bootstrap,
        "admin_url": url,
        "kafka": about,
        "postgres": f"PostgreSQL {version}",
        "containers": ids,
    }


async def _until_answers(ask: Callable[[str], Awaitable[T]], address: str) -> T:
    while True:
        try:
            return await ask(address)
        except Trouble:
            await asyncio.sleep(0.2)


def _kafka_environment(port: int) -> dict[str, str]:
    """One broker and controller; the advertised port is the one that the host binds."""
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_LISTENERS": f"BROKER://0.0.0.0:{port},CONTROLLER://0.0.0.0:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"BROKER://{ports.HOST}:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "BROKER",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "1000",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    }


def _docker(*arguments: str) -> bool:
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, check=False, timeout=DAEMON_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
