"""`perisai registration …`: participants and imports for operators, in a process of its own under the service's own
role.

Shows numbers, ids and codes; persons are not for operators.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

import typer
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.console import show_table
from chassis.database import make_engine
from chassis.http import Principal
from chassis.settings import StartRefused, load
from services.registration.imports import results
from services.registration.queries import pages
from services.registration.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
R = TypeVar("R")
OPERATOR = Principal("operator", frozenset({"operator"}))
_SHOWN = ("import_id", "status", "rows", "accepted", "refused", "line", "uploaded_at", "finished_at")

app = typer.Typer(no_args_is_help=True, help="Participants and imports.")
imports = typer.Typer(no_args_is_help=True, help="Uploaded files.")
app.add_typer(imports, name="imports")


@app.command()
def counts(as_json: AsJson = False) -> None:
    """How many participants stand how."""
    found = asyncio.run(_read(lambda conn: pages.counted(conn, OPERATOR)))
    print(json.dumps(found) if as_json else "\n".join(f"{name:<10} {count}" for name, count in found.items()))


@imports.command("list")
def list_imports(as_json: AsJson = False) -> None:
    """The latest imports, newest first: how far each is."""
    found = asyncio.run(_read(lambda conn: results.listed(conn, OPERATOR)))
    if as_json:
        print(json.dumps(found))
    else:
        show_table(_table(found) if found else "no import yet")


@imports.command("show")
def show_import(import_id: UUID, as_json: AsJson = False) -> None:
    """One import with its results by code."""
    found = asyncio.run(_read(lambda conn: results.one(conn, OPERATOR, import_id)))
    if found is None:
        sys.exit(f"there is no import {import_id}; `perisai registration imports list` shows the latest")
    print(json.dumps(found) if as_json else "\n".join(f"{name:<12} {value}" for name, value in found.items()))


def _table(found: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(*_SHOWN)
    for one in found:
        table.add_row(*("" if one[name] is None else str(one[name]) for name in _SHOWN))
    return table


async def _read(query: Callable[[AsyncConnection], Awaitable[R]]) -> R:
    try:
        settings = load(Settings)
    except StartRefused as refused:
        sys.exit(f"registration: {refused}")
    engine, _ = make_engine(settings.database_url, name="perisai-registration", pool_size=1)
    try:
        async with engine.connect() as conn:
            return await query(conn)
    finally:
        await engine.dispose()
