"""Where the tests' own stack comes from, seen through runs of pytest inside this one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.places import PROJECT
from tests.support.stack import Stack

ONE_TEST = "tests/integration/deploy/test_topics.py::test_records_are_kept_without_limit"
OURS = ("KAFKA_BOOTSTRAP", "DATABASE_URL", "TEST_STACK", "PYTEST_XDIST_WORKER", "PYTEST_XDIST_TESTRUNUID")


def _pytest(**environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", ONE_TEST]
    return subprocess.run(
        argv, cwd=PROJECT, env=kept | environment, capture_output=True, text=True, timeout=100, check=False
    )


def test_given_addresses_come_first_and_are_named(stack: Stack) -> None:
    done = _pytest(KAFKA_BOOTSTRAP=stack.kafka_bootstrap, DATABASE_URL=stack.admin_url, TEST_STACK="embedded")
    assert done.returncode == 0, done.stdout
    assert "stack: given by KAFKA_BOOTSTRAP and DATABASE_URL" in done.stdout
    assert f"stack used: given: given broker at {stack.kafka_bootstrap}, {stack.postgres}" in done.stdout


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (
            {"KAFKA_BOOTSTRAP": "127.0.0.1:9", "DATABASE_URL": "postgresql://a@127.0.0.1:9/a"},
            "KAFKA_BOOTSTRAP is set, but no Kafka answers at 127.0.0.1:9",
        ),
        ({"DATABASE_URL": "postgresql://a@127.0.0.1:9/a"}, "Only one of KAFKA_BOOTSTRAP and DATABASE_URL is set"),
        ({"TEST_STACK": "podman"}, "TEST_STACK=podman is unknown"),
        ({"TEST_STACK": "containers", "DOCKER_HOST": "tcp://127.0.0.1:9"}, "TEST_STACK=containers is set, but no"),
    ],
    ids=["unreachable", "half given", "unknown", "no daemon"],
)
def test_a_stack_that_cannot_be_had_fails_in_a_sentence_and_never_skips(environment: dict[str, str], told: str) -> None:
    done = _pytest(**environment)
    assert done.returncode == 1
    assert told in done.stdout
    assert "1 error" in done.stdout
    assert "skipped" not in done.stdout
    assert "stack used: none was needed" in done.stdout


def test_without_a_daemon_the_embedded_stack_is_found_and_nothing_of_it_is_left(tmp_path: Path) -> None:
    done = _pytest(DOCKER_HOST="tcp://127.0.0.1:9", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "stack used: embedded: Apache Kafka 4.4.0, PostgreSQL 18" in done.stdout
    assert not list(tmp_path.glob("perisai-tests-*"))
