"""Kafka and PostgreSQL in containers on this machine, with the settings of the embedded ones. What the run started it removes.

testcontainers is imported only here and only then: it costs 2 s, and without a daemon its constructors raise. Its reaper is off:
that ends the containers with the worker that happened to start them, while the other workers still need them.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from deploy.local import ports
from deploy.local.kafka import broker
from deploy.local.postgres import databases, server
from deploy.local.servers import given_kafka
from deploy.local.trouble import Trouble

KAFKA_IMAGE = os.environ.get("TEST_KAFKA_IMAGE") or "apache/kafka:4.4.0"
POSTGRES_IMAGE = os.environ.get("TEST_POSTGRES_IMAGE") or "postgres:18"
LABEL = "perisai.tests"  # what a killed run left: docker rm -fv $(docker ps -aq --filter label=perisai.tests)
PATIENCE_S = 100  # below the time limit of one test, so that the last lines of the logs are told
DAEMON_PATIENCE_S = 10
PULL_PATIENCE_S = 300
LAST_LINES = 15
POSTGRES_PORT = 5432
IN_A_CONTAINER = ("listen_addresses", "unix_socket_directories")  # settings that the image decides

T = TypeVar("T")


def at_hand() -> bool:
    """True if a daemon answers and has both images; nothing is pulled."""
    return bool(shutil.which("docker")) and all(_present(image) for image in (KAFKA_IMAGE, POSTGRES_IMAGE))


def start() -> dict[str, Any]:
    """Starts both and waits until they answer; the fields of a Stack.

    Raises Trouble if there is no daemon, an image is not to be had or a server does not come up; nothing is left behind then.
    """
    if _docker("version") is None:
        raise Trouble("TEST_STACK=containers is set, but no container daemon answers; start one or unset the variable.")
    for image in (KAFKA_IMAGE, POSTGRES_IMAGE):
        if not _present(image) and _docker("pull", "--quiet", image, patience_s=PULL_PATIENCE_S) is None:
            raise Trouble(
                f"TEST_STACK=containers is set, but the image {image} is neither here nor to be had; build it with "
                "deploy/containers/build.sh, name another in TEST_KAFKA_IMAGE or TEST_POSTGRES_IMAGE, or unset the variable."
            )
    return _started()


def remove(ids: Sequence[str]) -> None:
    """Removes containers with their data; raises Trouble if one stays."""
    if ids and _docker("rm", "--force", "--volumes", *ids, patience_s=PATIENCE_S) is None:
        raise Trouble(f"Containers of the tests could not be removed; do it by hand: docker rm -fv {' '.join(ids)}")


def _started() -> dict[str, Any]:
    from docker.errors import DockerException

    ids: list[str] = []
    try:
        return asyncio.run(_start(ids))
    except (DockerException, TimeoutError, OSError) as error:
        tail = tuple(line for each in ids for line in _last_lines(each))
        remove(ids)
        raise Trouble(f"The test containers did not start ({type(error).__name__}): {error}", tail=tail) from error
    except BaseException:
        remove(ids)
        raise


async def _start(ids: list[str]) -> dict[str, Any]:
    """`ids` has every container as soon as there is one, also if the next one fails."""
    chosen = ports.choose(["kafka", "postgres"], previous={}, demanded={})
    bootstrap = f"{ports.HOST}:{chosen['kafka']}"
    url = f"postgresql://{server.SUPERUSER}@{ports.HOST}:{chosen['postgres']}/postgres"
    ids.append(_run(KAFKA_IMAGE, kafka_environment(chosen["kafka"]), (chosen["kafka"], chosen["kafka"])))
    ids.append(_run(POSTGRES_IMAGE, POSTGRES_ENVIRONMENT, (POSTGRES_PORT, chosen["postgres"]), postgres_arguments()))
    async with asyncio.timeout(PATIENCE_S):
        await _until_answers(given_kafka, bootstrap)
        await broker.prepare_groups(bootstrap)
        version = await _until_answers(databases.version, url)
    return {
        "kafka_bootstrap": bootstrap,
        "admin_url": url,
        "kafka": f"Apache Kafka of {KAFKA_IMAGE}",
        "postgres": f"PostgreSQL {version}",
        "containers": tuple(ids),
    }


def _run(image: str, environment: dict[str, str], port: tuple[int, int], arguments: Sequence[str] = ()) -> str:
    """Starts one container with one port (inside, on this machine alone) and gives its id."""
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    testcontainers_config.ryuk_disabled = True
    container = DockerContainer(image).with_envs(**environment).with_kwargs(labels={LABEL: "true"})
    here_alone: Any = (ports.HOST, port[1])  # testcontainers' own with_bind_ports opens it to the network
    container.ports[f"{port[0]}/tcp"] = here_alone
    if arguments:
        container.with_command(list(arguments))
    container.start()
    return str(container.get_wrapped_container().id)


async def _until_answers(ask: Callable[[str], Awaitable[T]], address: str) -> T:
    while True:
        try:
            return await ask(address)
        except Trouble:
            await asyncio.sleep(0.2)


def kafka_environment(port: int) -> dict[str, str]:
    """The embedded broker's settings as the Apache image takes them; it listens on the port that this machine binds for it."""
    node = broker.Node(1, port, controller_port=9093 if port != 9093 else 9094)
    wanted = broker.settings(node, [node], data=Path("unused")) | {
        "listeners": f"BROKER://0.0.0.0:{port},CONTROLLER://{ports.HOST}:{node.controller_port}"
    }
    del wanted["log.dirs"]  # the image knows where its data is
    return {f"KAFKA_{key.upper().replace('.', '_')}": value for key, value in wanted.items()}


POSTGRES_ENVIRONMENT = {"POSTGRES_HOST_AUTH_METHOD": "trust", "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C"}


def postgres_arguments() -> list[str]:
    """The embedded server's settings as arguments."""
    settings = {name: value for name, value in server.SETTINGS.items() if name not in IN_A_CONTAINER}
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _present(image: str) -> bool:
    return _docker("image", "inspect", image) is not None


def _last_lines(container: str) -> list[str]:
    return (_docker("logs", "--tail", str(LAST_LINES), container) or "").splitlines()


def _docker(*arguments: str, patience_s: float = DAEMON_PATIENCE_S) -> str | None:
    """What the command printed, both streams together, or None if it failed or took too long."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            timeout=patience_s,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
