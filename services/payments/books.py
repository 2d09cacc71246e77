"""The books as people read them, over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from contracts.values import WIB
from services.payments.domain.ledger import CONTRIBUTIONS, SUSPENSE
from services.payments.queries.ledger import Span


def trial_balance(rows: Iterable[Mapping[Any, Any]]) -> dict[str, Any]:
    """From debit and credit per account: `balance` is debit minus credit; `contributions` and `suspense` are what we hold."""
    accounts = [
        {
            "account": row["account"],
            "debit": row["debit"],
            "credit": row["credit"],
            "balance": row["debit"] - row["credit"],
        }
        for row in rows
    ]
    debit, credit = (sum(account[side] for account in accounts) for side in ("debit", "credit"))
    held = {account["account"]: account["credit"] - account["debit"] for account in accounts}
    return {
        "accounts": accounts,
        "debit": debit,
        "credit": credit,
        "imbalance": debit - credit,
        "contributions": sum(held.get(account, 0) for account in CONTRIBUTIONS),
        "suspense": held.get(SUSPENSE, 0),
    }


def days(since: date | None, until: date | None) -> Span:
    """From 00:00 WIB of the first day to 24:00 WIB of the last, both inclusive."""
    return Span(
        None if since is None else datetime.combine(since, time(), WIB).astimezone(UTC),
        None if until is None else datetime.combine(until + timedelta(days=1), time(), WIB).astimezone(UTC),
    )


def statement(account: str, opening: int, rows: Sequence[Mapping[Any, Any]], *, page: int) -> dict[str, Any]:
    """A page of an account's transfers with the balance (debit minus credit) after each; `next` when the page is full."""
    balance, lines = opening, list[dict[str, Any]]()
    for row in rows:
        balance += row["amount"] if row["debit"] == account else -row["amount"]
        lines.append({**row, "balance": balance})
    last = rows[-1] if len(rows) == page else None
    return {
        "account": account,
        "opening": opening,
        "transfers": lines,
        "next": None if last is None else f"{last['event_id']}:{last['line']}",
    }


def waiting_case(row: Mapping[Any, Any], now: datetime) -> dict[str, Any]:
    """Money in suspense: its age in full days at business instant `now`, and whose turn it is."""
    first = next(iter(row["pending"]), None)
    turn = "maker" if first is None else "checker"
    return {
        **row,
        "proposal_id": first,
        "age_days": (now - row["since"]).days,
        "waits_for": turn if row["held"] else "nobody",
    }
