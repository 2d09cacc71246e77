"""The books: trial balance and account statements, for any day. An officer sees what the own branch's participants moved."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from chassis.http import Day, Principal, allow, problems, within
from chassis.problems import INVALID, FieldError, ProblemType, Refusal, Rejected
from chassis.service import App
from services.payments.api.shapes import StatementShown, TrialBalanceShown
from services.payments.books import days, statement, trial_balance
from services.payments.domain.ledger import STANDING
from services.payments.queries import ledger
from services.payments.tables import balances, transfers

Bookkeeper = Annotated[Principal, Depends(allow("auditor", "officer", "checker", "central", "operator"))]
PAGE = 200
PLACE = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,9}$"
"""Event id and line of the last transfer that was seen."""
ACCOUNT_UNKNOWN = ProblemType(
    "account_unknown",
    404,
    "Tidak ada rekening buku besar bernama demikian yang pernah bergerak. Nama-namanya ada di GET /ledger/trial-balance.",
    "No account of the ledger with this name has ever moved. Their names are in GET /ledger/trial-balance.",
)
_UNTIL_BEFORE_SINCE = FieldError(
    "query.until",
    "before_since",
    "Isi until dengan hari yang sama atau sesudah since.",
    "Give until as a day on or after since.",
)


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

    @routes.get("/accounts/{account}/transfers", responses=problems(ACCOUNT_UNKNOWN, INVALID))
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
        if since and until and until < since:
            raise Refusal(Rejected(INVALID, errors=(_UNTIL_BEFORE_SINCE,)))
        scope, span, place = within(principal, transfers), days(since, until), _place(after)
        async with app.read() as conn:
            if account not in STANDING and not await ledger.has_moved(conn, account, within(principal, balances)):
                raise Refusal(Rejected(ACCOUNT_UNKNOWN))
            opening = await ledger.balance_before(conn, account, scope, span, place)
            rows = await ledger.account_statement(conn, account, scope, span, place, PAGE)
        return StatementShown.model_validate(statement(account, opening, rows, page=PAGE))

    return routes


def _place(after: str | None) -> ledger.Place | None:
    if after is None:
        return None
    event_id, _, line = after.partition(":")
    return UUID(event_id), int(line)
