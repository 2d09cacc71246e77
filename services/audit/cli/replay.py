"""`perisai audit replay`: a service rebuilds its state from the archive and compares it with what stands live; the outcome is recorded."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from chassis import comparing, faults
from chassis.batches import Broken
from chassis.cli import replay_own
from chassis.opened import opened
from chassis.service import as_settings
from services.audit.app import SERVICE
from services.audit.cli.called import FromCold, Via, checked, command, environment, event_line, late_line, past, played
from services.audit.cli.opened import UNANSWERED, AsJson
from services.audit.cold.shelf import Shelf
from services.audit.commands.replayed import Replayed, record_replays
from services.audit.feeding import fed
from services.audit.settings import Settings

BY = "operator"
Service = Annotated[str, typer.Argument(metavar="[SERVICE]", help="default: audit itself, from its own log")]
Until = Annotated[
    str,
    typer.Option(
        metavar="TIME", help="the state of then (WIB unless it says), compared with what its own log makes of it"
    ),
]


def run(
    service: Service = "", until: Until = "", via: Via = "", from_cold: FromCold = None, as_json: AsJson = False
) -> None:
    """Rebuild the state of a service from the archive; exit code 1 and every row and event named that differs."""
    if not service:
        replay_own(SERVICE, as_json=as_json)
    name, upto = checked(service), past(until)
    told = played(_told(name, upto, via, from_cold))
    print(json.dumps(told) if as_json else _lines(name, told))
    raise typer.Exit(0 if told["equal"] and told["log"]["equal"] else UNANSWERED)


async def _told(service: str, until: datetime | None, via: str, cold: Path | None) -> dict[str, Any]:
    cut = ("--until", until.isoformat()) if until else ()
    async with opened(SERVICE) as app:
        asked = command(via, service, "fed", "replay", *cut)
        shelf = Shelf(cold) if cold else as_settings(app, Settings).shelf
        found = await fed(
            app.engine,
            service,
            asked,
            environment=environment(),
            shelf=shelf,
            files_first=cold is not None,
            until=until,
        )
        faults.point("Y3")
        (done,) = await app.batches.run(record_replays, [Replayed(service, found.size, until, found.outcome, BY)])
        if isinstance(done, Broken):
            raise done.error
        return found.outcome


def _lines(service: str, told: dict[str, Any]) -> str:
    log, rows, took = told["log"], sum(told["rows"].values()), told["seconds"]
    said = "replay equals live / sama" if told["equal"] else f"{len(told['differences'])} DIFFER / BERBEDA"
    resumed = f" ({told['resumed']} of them before it was interrupted)" if told["resumed"] else ""
    return "\n".join(
        [
            f"{service}: {told['events']} events folded{resumed} in {took['folded']:.1f} s, {rows} rows compared in {took['compared']:.1f} s: {said}",
            *(
                f"  {comparing.SAID[d['kind']]}: {d['table']} {d['key']} {d['column'] or ''}".rstrip()
                for d in told["differences"]
            ),
            *late_line(service, log),
            *map(event_line, log["named"]),
        ]
    )
