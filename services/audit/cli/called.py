"""How a command of audit calls a command of another service, and says what became of it."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from chassis import crosscheck
from chassis.clock import SystemClock
from chassis.settings import PREFIX
from contracts.events import OWNERS
from services.audit.cli.opened import moment_of, refuse
from services.audit.feeding import NotCompared

T = TypeVar("T")

SERVICES = tuple(sorted({*OWNERS.values()}))
NOT_COMPARED = 2
"""Exit code: no answer could be had, which is no difference."""
Via = Annotated[
    str,
    typer.Option(
        metavar="COMMAND",
        help="how commands of a service are called, {service} for its name; default: those of this machine, under their own settings",
    ),
]
FromCold = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="take what a cold month there has from its files, also where the database still has it"
    ),
]
_HERE = f"{shlex.quote(sys.executable)} -m deploy.cli {{service}}"
_KEPT = ("PERISAI_HOME", "PERISAI_CACHE")


def command(via: str, service: str, *arguments: str) -> list[str]:
    """The command of a service as a program and its arguments."""
    return [*(part.replace("{service}", service) for part in shlex.split(via or _HERE)), *arguments]


def environment() -> dict[str, str]:
    """Of that command: without the settings of audit, so that it takes its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX) or name in _KEPT}


def past(text: str) -> datetime | None:
    """The time that `--until` names; None where it was left out. Refuses what is no time, and what has not come yet."""
    at = moment_of(text)
    if at is not None and at > SystemClock().wall():
        refuse("--until: that time has not come yet / waktu itu belum tiba")
    return at


def checked(service: str) -> str:
    """The name of a service that records events; refuses any other."""
    if service not in SERVICES:
        refuse(f"SERVICE: there is no {service}; there are {', '.join(SERVICES)} / tidak ada layanan {service}")
    return service


def played(work: Coroutine[Any, Any, T]) -> T:
    """Its outcome; one sentence and an exit code of its own when nothing was compared."""
    try:
        return asyncio.run(work)
    except (NotCompared, OSError) as error:
        print(f"audit: {error}; nothing was compared / tidak ada yang dibandingkan", file=sys.stderr)
        raise typer.Exit(NOT_COMPARED) from None


def event_line(one: dict[str, Any]) -> str:
    """An event on which log and archive disagree."""
    place = f" {one['stream']} {one['key']} {one['seq']}" if one["stream"] else ""
    what = f" ({', '.join(one['what'])})" if one["what"] else ""
    return f"  {crosscheck.SAID[crosscheck.Kind(one['kind'])]}: event {one['event_id']}{place}{what}"


def late_line(service: str, log: dict[str, Any]) -> list[str]:
    """Of an archive that begins after the log: one sentence, before the events that it lacks are named."""
    if not log["begins_late"]:
        return []
    begins = log["archive_begins"] or "never / tidak pernah"
    return [
        f"  the archive begins late / arsip mulai terlambat: the log of {service} {log['log_begins']}, its archive {begins}"
    ]
