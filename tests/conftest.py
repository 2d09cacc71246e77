"""What every test may ask for. Importing this starts nothing."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from chassis.telemetry import configure_logs
from deploy.local import places
from deploy.local.trouble import Trouble
from tests.support import stack as stacks


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, which pytest's own are not; removed with the data that was put elsewhere for it."""
    with stacks.open_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def stack() -> stacks.Stack:
    """Kafka and PostgreSQL for the whole run; see tests/support/stack.py. Fails, and never skips, if there are none."""
    try:
        return stacks.find()
    except Trouble as trouble:
        pytest.fail(trouble.told(), pytrace=False)


# The same examples in every run, however slow the machine; HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("proofs", "cells of tests/faults")
    group.addoption("--tier", choices=("test", "long"), help="run the cells of this tier; without it they are left out")
    group.addoption("--cell", help="run this cell alone, e.g. story.S8")
    group.addoption("--seed", default="7", help="what random choices of proofs hang on")
    group.addoption("--evidence", help="a folder for what each proof saw, one JSON file per test")


def pytest_configure(config: pytest.Config) -> None:
    configure_logs("tests")  # redacted and without values, also in test output
    if _is_worker(config):
        return
    folder = tempfile.mkdtemp(prefix="perisai-tests-")
    os.chmod(folder, 0o711)  # as root PostgreSQL runs as another user, which must pass through
    os.environ[stacks.FOLDER] = folder
    os.environ[stacks.CONTROLLER] = str(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    stacks.drop_made(Path(os.environ[stacks.FOLDER]))
    if _is_worker(config):
        return
    folder = Path(os.environ[stacks.FOLDER])
    stacks.end(folder)
    places.remove(folder)


def pytest_report_header() -> str:
    return f"stack: {stacks.planned()}"


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield
    used = stacks.used(Path(os.environ[stacks.FOLDER]))
    told = f"{used.found}: {used.kafka}, {used.postgres}" if used else "none was needed"
    terminalreporter.write_line(f"stack used: {told}")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
