"""The trial balance as people read it, over HTTP and on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.payments.domain.ledger import CONTRIBUTIONS, SUSPENSE


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
