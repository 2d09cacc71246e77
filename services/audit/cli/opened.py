"""What a command stands on: audit's settings and a connection to its database, or one sentence and exit code 1."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Never
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.clock import SystemClock
from chassis.database import is_outage, make_engine
from chassis.moments import moment
from chassis.settings import StartRefused, load
from contracts.values import ContributionMonth
from services.audit.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="for machines")]
UNANSWERED = 1
"""Exit code: the question was understood, and the answer is no or could not be had."""


def settings() -> Settings:
    """Those of the environment."""
    try:
        return load(Settings)
    except StartRefused as refused:
        refuse(str(refused))


@contextlib.asynccontextmanager
async def database(url: str, *, connections: int = 1) -> AsyncIterator[AsyncEngine]:
    """An engine that is closed at the end; a database that does not answer is one sentence."""
    engine, _ = make_engine(url, name="perisai-audit", pool_size=connections)
    try:
        yield engine
    except Exception as error:
        if not is_outage(error):
            raise
        refuse(f"the database does not answer / basis data tidak menjawab ({type(error).__name__})")
    finally:
        await engine.dispose()


def month_of(text: str) -> ContributionMonth:
    """What somebody typed as `--month`."""
    try:
        return ContributionMonth.parse(text)
    except ValueError:
        refuse(f"--month: {text!r} is no month; write one like 2026-10 / bukan bulan; tulis seperti 2026-10")


def id_of(option: str, text: str, otherwise: str = "no id (a UUID) / bukan nomor (UUID)") -> UUID:
    """What somebody typed as that option; `otherwise`: what one that is no id is called."""
    try:
        return UUID(text)
    except ValueError:
        refuse(f"{option}: {text!r} is {otherwise}")


def moment_of(text: str) -> datetime | None:
    """The instant that somebody typed, in WIB unless it says; None where it was left out."""
    return moment(text) if text else None


def window_of(since: str, until: str) -> tuple[datetime | None, datetime | None]:
    """What somebody typed as `--since` and `--until`. Refuses a time in which nothing can have happened: nothing found would read as nothing done."""
    start, end = moment_of(since), moment_of(until)
    if start is not None and end is not None and end <= start:
        refuse("--until: write a time that is after --since / tulis waktu sesudah --since")
    if start is not None and start > SystemClock().wall():
        refuse("--since: that time has not come yet / waktu itu belum tiba")
    return start, end


def refuse(sentence: str) -> Never:
    """Ends the command."""
    print(f"audit: {sentence}", file=sys.stderr)
    raise typer.Exit(UNANSWERED)
