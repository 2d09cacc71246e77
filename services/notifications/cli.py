"""`perisai notifications …`: what became of messages, for operators, in a process of its own under the service's own role."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, TypeVar
from uuid import UUID

import sqlalchemy as sa
import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.console import show_table, wib
from chassis.database import make_engine
from chassis.settings import StartRefused, load
from services.notifications import queries
from services.notifications.domain.notification import Notification, State
from services.notifications.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
R = TypeVar("R")

app = typer.Typer(no_args_is_help=True, help="Messages to participants.")


@app.command()
def counts(as_json: AsJson = False) -> None:
    """How many messages were ever queued, and how far they came."""
    found = asdict(asyncio.run(_read(lambda conn: queries.counts(conn, sa.true()))))
    print(json.dumps(found) if as_json else "\n".join(f"{name:<10} {count}" for name, count in found.items()))


@app.command("list")
def list_messages(
    state: Annotated[State | None, typer.Option(help="only those in this state, such as UNKNOWN")] = None,
    participant: Annotated[UUID | None, typer.Option(help="only those to this participant")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: AsJson = False,
) -> None:
    """Messages, newest first: what about, where they stand, and why they failed."""
    found = asyncio.run(
        _read(
            lambda conn: queries.listed(
                conn, sa.true(), participant_id=participant, state=state, before=None, most=limit
            )
        )
    )
    if as_json:
        print(json.dumps([asdict(one) for one in found], default=str))
    else:
        show_table(_table(found) if found else "no such message")


def _table(found: list[Notification]) -> Table:
    table = Table("message", "participant", "about", "state", "reason", "calls", "queued")
    for one in found:
        table.add_row(
            str(one.notification_id),
            str(one.participant_id),
            one.template,
            one.state,
            one.reason,
            str(one.attempts),
            wib(one.queued_at),
        )
    return table


async def _read(query: Callable[[AsyncConnection], Awaitable[R]]) -> R:
    try:
        settings = load(Settings)
    except StartRefused as refused:
        sys.exit(f"notifications: {refused}")
    engine, _ = make_engine(settings.database_url, name="perisai-notifications", pool_size=1)
    try:
        async with engine.connect() as conn:
            return await query(conn)
    finally:
        await engine.dispose()
