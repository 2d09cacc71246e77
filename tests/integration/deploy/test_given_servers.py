"""Addresses that are given are used or refused; nothing falls through to the embedded servers."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.local import ports
from deploy.local.postgres import server
from deploy.local.stack import LocalStack
from deploy.local.state import Ident, StateFile
from deploy.local.supervisor import Supervisor
from deploy.local.trouble import Trouble
from tests.support.stack import Stack

NOWHERE = "127.0.0.1:9"


async def test_given_servers_are_used_and_nothing_is_started(stack: Stack, tmp_path: Path) -> None:
    environ = {
        "KAFKA_BOOTSTRAP": stack.kafka_bootstrap,
        "DATABASE_URL": stack.admin_url,
        "PERISAI_TOPIC_PREFIX": f"{stack.own_name()}.",
    }
    async with LocalStack(tmp_path, environ=environ) as ours:
        assert ours.kafka.bootstrap == stack.kafka_bootstrap
        assert ours.postgres.admin_url == stack.admin_url
        assert not {"kafka", "kafka-controller", "postgres"} & set(ours.ports)
        await ours.forget_given_servers()


async def test_a_second_start_in_the_same_folder_is_refused_and_the_first_goes_on(stack: Stack, tmp_path: Path) -> None:
    environ = {"KAFKA_BOOTSTRAP": stack.kafka_bootstrap, "DATABASE_URL": stack.admin_url}
    async with LocalStack(tmp_path, environ=environ):
        with pytest.raises(Trouble, match=rf"^Perisai already runs from .* \(pid {os.getpid()}\)"):
            await LocalStack(tmp_path, environ=environ).__aenter__()
        assert StateFile(tmp_path).read().supervisor == Ident.of(os.getpid())


async def test_a_given_kafka_that_does_not_answer_is_refused(stack: Stack, tmp_path: Path) -> None:
    environ = {"KAFKA_BOOTSTRAP": NOWHERE, "DATABASE_URL": stack.admin_url}
    with pytest.raises(Trouble, match=rf"^KAFKA_BOOTSTRAP is set, but no Kafka answers at {NOWHERE}"):
        await LocalStack(tmp_path, environ=environ).__aenter__()


@pytest.mark.parametrize(
    "url", [f"postgresql://postgres@{NOWHERE}/postgres", "postgresql://nobody:wrong@{host}/nowhere", "not a url"]
)
async def test_a_given_postgres_that_does_not_let_us_in_is_refused(stack: Stack, tmp_path: Path, url: str) -> None:
    host = stack.admin_url.rpartition("@")[2].partition("/")[0]
    environ = {"KAFKA_BOOTSTRAP": stack.kafka_bootstrap, "DATABASE_URL": url.replace("{host}", host)}
    with pytest.raises(Trouble, match=r"^DATABASE_URL is set, but no PostgreSQL lets us in") as caught:
        await LocalStack(tmp_path, environ=environ).__aenter__()
    assert "wrong" not in caught.value.sentence


@pytest_asyncio.fixture
async def postgres_16(open_folder: Path) -> AsyncIterator[str]:
    """The wheel brings a server that is too old, too."""
    port = ports.choose(["old"], previous={}, demanded={})["old"]
    program, _ = server.prepare(open_folder, port, install="pginstall")
    supervisor = Supervisor(open_folder / "logs", tell=lambda _: None, echo=lambda *_: None)

    async def ready() -> bool:
        return ports.answers(port)

    await supervisor.start(program, ready=ready)
    yield f"postgresql://{server.SUPERUSER}@{ports.HOST}:{port}/postgres"
    await supervisor.stop_all()


async def test_a_given_postgres_older_than_17_is_refused(stack: Stack, tmp_path: Path, postgres_16: str) -> None:
    environ = {"KAFKA_BOOTSTRAP": stack.kafka_bootstrap, "DATABASE_URL": postgres_16}
    with pytest.raises(Trouble, match=r"^PostgreSQL 16\.\d+ at 127\.0\.0\.1:\d+ is too old: 17 is the oldest"):
        await LocalStack(tmp_path, environ=environ).__aenter__()
