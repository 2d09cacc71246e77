"""The books: trial balance and account statements, for any day. An officer sees what the own branch's participants moved."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.http import Day, Principal, allow, within
from chassis.service import App
from services.payments.api.shapes import StatementShown, TrialBalanceShown
from services.payments.books import days, statement, trial_balance
from services.payments.queries import ledger
from services.payments.tables import balances, transfers

Bookkeeper = Annotated[Principal, Depends(allow("auditor", "officer", "checker", "central", "operator"))]
PAGE = 200
PLACE = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,9}$"
"""Event id and line of the last transfer that was seen."""


def router(app: App) -> APIRouter:
    routes = APIRouter(prefix="/ledger", tags=["ledger"])

    @routes.get("/trial-balance")
    async def trial_balance_of(principal: Bookkeeper, on: Day | None = None) -> TrialBalanceShown:
        """Every account with its debits and credits; both sums are equal. `on`: as it stood at 24:00 WIB of that day; now without it."""
        until = days(None, on).until
        async with app.read() as conn:
            if until is None:
                rows = await ledger.trial_balance(conn, within(principal, balances))
            else:
                rows = await ledger.trial_balance_before(conn, within(principal, transfers), until)
        return TrialBalanceShown.model_validate(trial_balance(rows))

    @routes.get("/accounts/{account}/transfers")
    async def statement_of(
        principal: Bookkeeper,
        account: str,
        since: Day | None = None,
        until: Day | None = None,
        after: Annotated[str | None, Query(pattern=PLACE)] = None,
    ) -> StatementShown:
        """Every transfer that touches the account with the balance after it, oldest first, a page at a time.

        `since` and `until` are days (WIB), both inclusive; `opening` is the balance before the page.
        """
        scope, span, place = within(principal, transfers), days(since, until), _place(after)
        async with app.read() as conn:
            opening = await ledger.balance_before(conn, account, scope, span, place)
            rows = await ledger.account_statement(conn, account, scope, span, place, PAGE)
        return StatementShown.model_validate(statement(account, opening, rows, page=PAGE))

    return routes


def _place(after: str | None) -> ledger.Place | None:
    if after is None:
        return None
    event_id, _, line = after.partition(":")
    return UUID(event_id), int(line)
