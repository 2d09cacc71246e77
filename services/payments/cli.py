"""`perisai payments …`: the books, for operators, in a process of its own under the service's own role."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.businessclock import stored_offset
from chassis.clock import SystemClock
from chassis.console import show_table, wib
from chassis.database import make_engine
from chassis.http.dates import FIRST_DAY, LAST_DAY, is_a_day
from chassis.settings import StartRefused, load
from services.payments import lawbook
from services.payments.books import days, statement, trial_balance, waiting_case
from services.payments.domain.parameters import KINDS
from services.payments.kit import cli as kit
from services.payments.queries import agreed, ledger, parameters, shown_astray
from services.payments.settings import Settings
from services.payments.what_if import cli as what_if

PAGE, MOST_CASES = 1_000, 10_000


def _named(option: datetime | None) -> datetime | None:
    if option is not None and not is_a_day(option.date()):
        raise typer.BadParameter(f"write a day from {FIRST_DAY} to {LAST_DAY}")
    return option


OnDay = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="a day, WIB", callback=_named)]
AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
R = TypeVar("R")

app = typer.Typer(no_args_is_help=True, help="Bills, payments and the ledger.")
kit.extend(app)
what_if.extend(app)


@app.command("trial-balance")
def show_trial_balance(on: OnDay = None, as_json: AsJson = False) -> None:
    """Debits and credits of every account, now or at the end of a day; exits 1 when they do not balance."""
    until = days(None, _day(on)).until
    if until is None:
        rows = asyncio.run(_read(lambda conn: ledger.trial_balance(conn, sa.true())))
    else:
        rows = asyncio.run(_read(lambda conn: ledger.trial_balance_before(conn, sa.true(), until)))
    found = trial_balance(rows)
    if as_json:
        print(json.dumps(found))
    else:
        show_table(_table(found))
    if found["imbalance"]:
        raise typer.Exit(1)


@app.command("statement")
def show_statement(
    account: Annotated[str, typer.Argument(help="e.g. clearing:bank-a, suspense")],
    since: OnDay = None,
    until: OnDay = None,
    after: Annotated[str, typer.Option(help="the `next` of the page before")] = "",
    as_json: AsJson = False,
) -> None:
    """A page of an account's transfers with the balance after each, oldest first."""
    found = asyncio.run(_read(lambda conn: _statement(conn, account, days(_day(since), _day(until)), after)))
    if as_json:
        print(json.dumps(found, default=str))
        return
    print(f"{account}, rupiah, opening {found['opening']:,}")
    for line in found["transfers"]:
        side = "debit " if line["debit"] == account else "credit"
        other = line["credit"] if side == "debit " else line["debit"]
        print(f"{wib(line['occurred_at'])} {side} {line['amount']:>15,} {line['balance']:>15,} {other}")
    if found["next"]:
        print(f"more: --after {found['next']}")


async def _statement(conn: AsyncConnection, account: str, span: ledger.Span, after: str) -> dict[str, Any]:
    event_id, _, line = after.partition(":")
    try:
        place = (UUID(event_id), int(line)) if after else None
    except ValueError:
        sys.exit("--after takes what `next` of the page before said")
    opening = await ledger.balance_before(conn, account, sa.true(), span, place)
    rows = await ledger.account_statement(conn, account, sa.true(), span, place, PAGE)
    return statement(account, opening, rows, page=PAGE)


@app.command("suspense")
def show_suspense(as_json: AsJson = False) -> None:
    """Money that waits: why, since when, who answers for it and whose turn it is."""
    found = asyncio.run(_read(_waiting))
    if as_json:
        print(json.dumps(found, default=str))
        return
    for case in found:
        owner = case["owner"] or "nobody"
        print(
            f"{case['payment_id']} {case['held']:>13,} {case['reason']:<22} {case['age_days']:>4} d {case['waits_for']:<7} {owner}"
        )


async def _waiting(conn: AsyncConnection) -> list[dict[str, Any]]:
    """Aged by the business time that the service lives in, which may have been moved since it started."""
    offset = await stored_offset(conn)
    now = SystemClock(load(Settings).clock_offset if offset is None else offset).business()
    rows = await shown_astray.cases(conn, sa.true(), closed=False, reason=None, after=None, limit=MOST_CASES)
    return [waiting_case(row, now) for row in rows]


@app.command("transfer-orders")
def show_orders(
    status: Annotated[str, typer.Option(help="ORDERED, CONFIRMED or FAILED")] = "", as_json: AsJson = False
) -> None:
    """Money that is to leave, and what became of it."""
    query = _read(lambda conn: shown_astray.orders(conn, sa.true(), status or None, None, MOST_CASES))
    found = [dict(row) for row in asyncio.run(query)]
    if as_json:
        print(json.dumps(found, default=str))
        return
    for order in found:
        print(
            f"{order['order_id']} {order['purpose']:<9} {order['amount']:>13,} {order['status']:<9} {wib(order['ordered_at'])}"
        )


@app.command("partners")
def show_partners(as_json: AsJson = False) -> None:
    """The banks that may call, and those that no longer may."""
    found = [
        {"partner": p.partner, "name": p.name, "enabled": p.enabled, "live_keys": len(p.public_keys)}
        for p in asyncio.run(_read(agreed.partners)).values()
    ]
    if as_json:
        print(json.dumps(found))
        return
    for p in found:
        print(f"{p['partner']:<20} {p['name']:<30} {'enabled' if p['enabled'] else 'disabled'}")


@app.command("parameters")
def show_parameters(kind: Annotated[str, typer.Argument(help="one kind only")] = "", as_json: AsJson = False) -> None:
    """Every dated parameter set, those that wait for a second person too, newest day first."""
    if kind and kind not in KINDS:
        sys.exit(f"there is no parameter of this name, but {', '.join(KINDS)}")
    found = asyncio.run(_read(lambda conn: _sets(conn, [kind] if kind else list(KINDS))))
    if as_json:
        print(json.dumps(found, default=str))
        return
    for one in found:
        subject = one["subject"] or "everybody"
        print(
            f"{one['kind']:<20} {subject:<36} {one['status']:<9} {one['valid_from']} {one['valid_to'] or '':<10} {one['version']}"
        )


async def _sets(conn: AsyncConnection, kinds: Sequence[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for kind in kinds:
        rows = await parameters.history_of_all(conn, kind)
        for subject in sorted({row["subject"] for row in rows} | {None}, key=lambda one: one or ""):
            own = [row for row in rows if row["subject"] == subject]
            shown = lawbook.history(KINDS[kind], own, for_everybody=subject is None)
            found += [one | {"kind": kind, "subject": subject} for one in shown]
    return found


def _day(option: datetime | None) -> date | None:
    return None if option is None else option.date()


def _table(found: dict[str, Any]) -> Table:
    table = Table("account", "debit", "credit", "balance", title="Trial balance, rupiah")
    for account in found["accounts"]:
        table.add_row(account["account"], *(f"{account[side]:,}" for side in ("debit", "credit", "balance")))
    table.add_row("sum", f"{found['debit']:,}", f"{found['credit']:,}", f"{found['imbalance']:,}")
    return table


async def _read(query: Callable[[AsyncConnection], Awaitable[R]]) -> R:
    try:
        settings = load(Settings)
    except StartRefused as refused:
        sys.exit(str(refused))
    engine, _ = make_engine(settings.database_url, name="payments-cli", pool_size=1)
    try:
        async with engine.connect() as conn:
            return await query(conn)
    finally:
        await engine.dispose()
