"""What looks personal or secret never leaves in a log line; what an operator needs does."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from chassis.telemetry import bind, configure_logs, log
from chassis.telemetry.redaction import MASK, mask, redact

PERSONAL = [
    "3671015501900001",
    "36710155 01900001",
    "+6281234567890",
    "081234567890",
    "0812-3456-7890",
    "62 812 3456 7890",
    "siti.rahayu@contoh.id",
    "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
    "Bearer abc.def-123",
    "8808012345678901",
]
NEEDED = [
    "f83c3b92-ae3d-45c3-b456-fae653abd49e",
    "0199a1b2-1234-7000-8000-123456789012",
    "2025-10-06T02:00:00.123456+00:00",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "bpu-contribution/2025-01",
    "perisai.participants",
    "127.0.0.1:5432",
    "lag 123456 records",
    "KeyError",
]


@pytest.mark.parametrize("value", PERSONAL)
@pytest.mark.parametrize("around", ["{}", "cannot send to {}", "[{}]", "nik={}, next", '{{"a": "{}"}}'])
def test_personal_text_is_masked_wherever_it_stands(value: str, around: str) -> None:
    shown = mask(around.format(value))
    assert MASK in shown
    assert value not in shown


@pytest.mark.parametrize("value", NEEDED)
def test_what_an_operator_needs_is_kept(value: str) -> None:
    assert mask(value) == value


@given(st.integers(10**15, 10**16 - 1))
def test_nik_as_a_number_is_masked(nik: int) -> None:
    assert mask(nik) == MASK


@pytest.mark.parametrize("name", ["nik", "name", "phone", "person", "payload", "token", "authorization", "parameters"])
def test_values_under_telling_names_are_dropped(name: str) -> None:
    assert redact(None, "", {name: "x", "count": 3, "inner": {name: "x"}}) == {
        name: MASK,
        "count": 3,
        "inner": {name: MASK},
    }


def test_what_cannot_be_judged_is_shown_by_its_type() -> None:
    deep: Any = "081234567890"
    for _ in range(9):
        deep = [deep]
    assert "0812" not in str(mask(deep))
    assert mask(b"081234567890") == "<bytes>"


class TestLines:
    @pytest.fixture(autouse=True)
    def logs(self) -> Any:
        root = logging.getLogger()
        before = [*root.handlers], root.level
        structlog.reset_defaults()
        configure_logs("shop", "json")
        yield
        structlog.reset_defaults()
        root.handlers[:], root.level = before[0], before[1]

    def line(self, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
        (text,) = capsys.readouterr().out.splitlines()
        found: dict[str, Any] = json.loads(text)
        return found

    def test_line_has_service_level_time_and_context(self, capsys: pytest.CaptureFixture[str]) -> None:
        with bind(correlation_id="c-1"):
            structlog.get_logger().info("batch_applied", items=3)
        found = self.line(capsys)
        assert (found["event"], found["service"], found["level"], found["items"]) == (
            "batch_applied",
            "shop",
            "info",
            3,
        )
        assert found["correlation_id"] == "c-1"
        assert found["timestamp"].endswith("Z")

    def test_exception_tells_where_and_which_but_not_what_it_quotes(self, capsys: pytest.CaptureFixture[str]) -> None:
        try:
            try:
                raise KeyError("Siti Rahayu")
            except KeyError as cause:
                raise ConnectionRefusedError("db:5432 refused 081234567890") from cause
        except OSError as error:
            structlog.get_logger().error("item_broken", exc_info=error)
        found = self.line(capsys)
        assert found["failure"] == f"ConnectionRefusedError: db:5432 refused {MASK} <- KeyError"
        assert "test_redaction.py" in found["at"][-1]
        assert "Siti" not in json.dumps(found)

    def test_lines_of_libraries_are_redacted_too(self, capsys: pytest.CaptureFixture[str]) -> None:
        logging.getLogger("somebody").warning("cannot reach %s", "+6281234567890")
        found = self.line(capsys)
        assert found["event"] == f"cannot reach {MASK}"
        assert found["service"] == "shop"

    def test_traceback_of_a_library_shows_no_message(self, capsys: pytest.CaptureFixture[str]) -> None:
        try:
            raise ValueError("Siti Rahayu")
        except ValueError:
            logging.getLogger("somebody").exception("broken")
        assert "Siti" not in json.dumps(self.line(capsys))

    def test_debug_lines_are_not_written(self, capsys: pytest.CaptureFixture[str]) -> None:
        structlog.get_logger().debug("noise")
        assert capsys.readouterr().out == ""


def test_module_logger_is_shared() -> None:
    assert log is not None
