"""`perisai audit cross-check`: the archive beside the event log of every service, each of which compares for itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from services.audit.cli.called import (
    SERVICES,
    FromCold,
    Via,
    checked,
    command,
    environment,
    event_line,
    late_line,
    played,
)
from services.audit.cli.opened import UNANSWERED, AsJson, database, settings
from services.audit.cold.shelf import Shelf
from services.audit.feeding import fed
from services.audit.settings import Settings

Service = Annotated[str, typer.Argument(metavar="[SERVICE]", help="one of them; default: all, one after the other")]


def run(service: Service = "", via: Via = "", from_cold: FromCold = None, as_json: AsJson = False) -> None:
    """Compare the archive with the services' own logs; exit code 1 and every event named that is missing, extra or different."""
    own, names = settings(), [checked(service)] if service else SERVICES
    found = {name: played(_told(own, name, via, from_cold)) for name in names}
    print(json.dumps(found) if as_json else "\n".join(_lines(name, told) for name, told in found.items()))
    raise typer.Exit(0 if all(told["equal"] for told in found.values()) else UNANSWERED)


async def _told(own: Settings, service: str, via: str, cold: Path | None) -> dict[str, Any]:
    async with database(own.database_url) as engine:
        asked = command(via, service, "fed", "cross-check")
        shelf = Shelf(cold) if cold else own.shelf
        told = await fed(engine, service, asked, environment=environment(), shelf=shelf, files_first=cold is not None)
        return told.outcome


def _lines(service: str, told: dict[str, Any]) -> str:
    sums = f"{told['log']} events in its log, {told['archived']} archived, {told['unsent']} not sent yet"
    said = "equal / sama" if told["equal"] else f"{told['discrepancies']} DIFFER / BERBEDA"
    return "\n".join([f"{service}: {sums}: {said}", *late_line(service, told), *map(event_line, told["named"])])
