"""What is piped is whole, and a time says its zone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rich.table import Table

from chassis.console import show_table, wib


def test_a_table_that_no_terminal_shows_is_not_cut_at_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [f"clearing:a-partner-with-a-long-name-{n}" for n in range(6)]
    table = Table(*cells)
    table.add_row(*cells)
    show_table(table)
    (row,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert all(cell in row for cell in cells)


def test_an_instant_is_told_in_wib_with_its_zone() -> None:
    assert wib(datetime(2025, 10, 31, 17, 30, tzinfo=UTC)) == "2025-11-01 00:30 WIB"
