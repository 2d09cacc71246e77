"""`perisai payments …`: the books, for operators, in a process of its own under the service's own role."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import make_engine
from chassis.settings import StartRefused, load
from services.payments import lawbook
from services.payments.books import trial_balance
from services.payments.domain.parameters import KINDS
from services.payments.kit import cli as kit
from services.payments.queries import agreed, parameters, shown
from services.payments.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
R = TypeVar("R")

app = typer.Typer(no_args_is_help=True, help="Bills, payments and the ledger.")
kit.extend(app)


@app.command("trial-balance")
def show_trial_balance(as_json: AsJson = False) -> None:
    """Debits and credits of every account; exits 1 when they do not balance."""
    found = trial_balance(asyncio.run(_read(lambda conn: shown.trial_balance(conn, sa.true()))))
    if as_json:
        print(json.dumps(found))
    else:
        Console().print(_table(found))
    if found["imbalance"]:
        raise typer.Exit(1)


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
