from __future__ import annotations

import pytest
from typer.testing import CliRunner

from services.payments.books import trial_balance
from services.payments.cli import app


def test_what_we_hold_is_shown_as_a_positive_sum() -> None:
    rows = [
        {"account": "clearing:bank-a", "debit": 73_600, "credit": 36_800},
        {"account": "contributions:jkk", "debit": 10_000, "credit": 20_000},
        {"account": "contributions:jkm", "debit": 6_800, "credit": 6_800},
        {"account": "suspense", "debit": 0, "credit": 26_800},
    ]
    found = trial_balance(rows)
    assert (found["debit"], found["credit"], found["imbalance"]) == (90_400, 90_400, 0)
    assert (found["contributions"], found["suspense"]) == (10_000, 26_800)


def test_books_without_entries_balance() -> None:
    assert trial_balance([]) == {
        "accounts": [], "debit": 0, "credit": 0, "imbalance": 0, "contributions": 0, "suspense": 0,
    }  # fmt: skip


def test_a_missing_side_shows() -> None:
    assert trial_balance([{"account": "suspense", "debit": 0, "credit": 5}])["imbalance"] == -5


@pytest.mark.parametrize("words", [["trial-balance", "--on"], ["statement", "suspense", "--until"]])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_command_for_a_day_that_nobody_means_ends_with_2_and_says_so(words: list[str], day: str) -> None:
    result = CliRunner().invoke(app, [*words, day])
    assert result.exit_code == 2
    assert words[-1] in result.output
    assert "2199-12-31" in result.output
