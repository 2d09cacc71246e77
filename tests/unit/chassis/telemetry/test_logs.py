"""Lines of other libraries go the same way as ours, and do not flood it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from chassis.telemetry import configure_logs
from chassis.telemetry.logs import Sparing


@pytest.fixture(autouse=True)
def configured() -> Iterator[None]:
    configure_logs("tests")
    yield
    configure_logs("tests")


def test_client_of_a_broker_that_is_away_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("aiokafka.client")
    for attempt in range(200):
        log.error("Unable to update metadata from %s", [attempt])
    log.error("Topic %s is not available", "t")
    assert capsys.readouterr().out.count("\n") == 2


def test_it_says_so_again_after_a_while() -> None:
    sparing = Sparing()
    record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, "away", (), None)
    assert [sparing.filter(record) for _ in range(3)] == [True, False, False]
    sparing._next = dict.fromkeys(sparing._next, 0.0)
    assert sparing.filter(record)


def test_other_libraries_are_heard_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        logging.getLogger("some.library").warning("again")
    assert capsys.readouterr().out.count("again") == 3


def test_a_command_logs_to_standard_error_so_that_its_answer_stays_whole(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("tests", stream="stderr")
    structlog.get_logger().warning("ours")  # `log` itself keeps what it was first used with
    logging.getLogger("aiokafka.producer").warning("theirs")
    told = capsys.readouterr()
    assert told.out == "" and "ours" in told.err and "theirs" in told.err
