"""The bad day's report for a person to read."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console
from rich.table import Table


def table(found: dict[str, Any]) -> str:
    """What went wrong, and where every rupiah stands."""
    bank, ledger, day = found["bank"], found["ledger"], found["reconciliation"]["day"]
    rows = {
        "customers served": f"{found['visits']:,} in {found['seconds']:.0f} s",
        "of them in some wrong way": f"{found['visits'] - found['mishaps'].get('good', 0):,}",
        "taken by the bank, by its own books": _money(bank["rupiah"], bank["count"]),
        "of that on the bad day": _money(bank["day_rupiah"], bank["day_count"]),
        "never told by the bank, found in its file": f"{bank['untold_count']:,} payments",
        "contributions in our ledger": _money(ledger["contributions"]),
        "suspense in our ledger": _money(ledger["suspense"]),
        "first file, by line": _counts(found["reconciliation"]["first"]),
        "corrected file, by line": _counts(found["reconciliation"]["corrected"]),
        "the day": f"{day['status']}, gap Rp{day['gap']:,}, open cases {day['open_cases']}",
    }
    shown = Table("A bank's bad day", "", title_justify="left")
    for name, value in rows.items():
        shown.add_row(name, value)
    out = io.StringIO()
    console = Console(file=out, width=110)
    console.print(shown)
    console.print(_counts(found["mishaps"]), soft_wrap=True)
    return out.getvalue().rstrip()


def _money(rupiah: int, count: int | None = None) -> str:
    amount = f"Rp{rupiah:,}".replace(",", ".")
    return amount if count is None else f"{amount} in {count:,} payments"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in found.items())
