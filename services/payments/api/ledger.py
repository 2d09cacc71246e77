"""The books: trial balance and account statements. An officer sees what the own branch's participants moved."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.http import Principal, allow, within
from chassis.service import App
from services.payments.api.shapes import StatementShown, TransferShown, TrialBalanceShown
from services.payments.books import trial_balance
from services.payments.queries import shown
from services.payments.tables import balances, transfers

Bookkeeper = Annotated[Principal, Depends(allow("auditor", "officer", "checker", "central", "operator"))]
PAGE = 200
PLACE = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,9}$"
"""Event id and line of the last transfer that was seen."""


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/ledger", tags=["ledger"])

    @routes.get("/trial-balance")
    async def trial_balance_now(principal: Bookkeeper) -> TrialBalanceShown:
        """Every account with its debits and credits; both sums are equal."""
        async with app.read() as conn:
            rows = await shown.trial_balance(conn, within(principal, balances))
        return TrialBalanceShown.model_validate(trial_balance(rows))

    @routes.get("/accounts/{account}/transfers")
    async def statement(
        principal: Bookkeeper,
        account: str,
        after: Annotated[str | None, Query(pattern=PLACE)] = None,
    ) -> StatementShown:
        """Every transfer that touches the account, oldest first, a page at a time."""
        async with app.read() as conn:
            rows = await shown.account_statement(conn, account, within(principal, transfers), _place(after), PAGE)
        lines = [TransferShown.model_validate(dict(row)) for row in rows]
        last = lines[-1] if len(lines) == PAGE else None
        return StatementShown(
            account=account, transfers=lines, next=None if last is None else f"{last.event_id}:{last.line}"
        )

    return routes


def _place(after: str | None) -> tuple[UUID, int] | None:
    if after is None:
        return None
    event_id, _, line = after.partition(":")
    return UUID(event_id), int(line)
