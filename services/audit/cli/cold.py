"""`perisai audit cold …`: closed months as Parquet files: written, looked into, and taken out of the database."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import duckdb
import typer

from chassis.clock import SystemClock
from contracts.values import ContributionMonth
from services.audit.api.showing import event_shown
from services.audit.cli.opened import AsJson, database, id_of, month_of, refuse, settings, window_of
from services.audit.cli.told import progress
from services.audit.cold.dropping import NotDropped, drop
from services.audit.cold.shelf import Cold, Shelf
from services.audit.cold.writing import NotWritten, write
from services.audit.domain.manifests import Manifest
from services.audit.queries.search import Clock, Order, Wanted
from services.audit.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Closed months as Parquet files.")
OWNER = "PERISAI_OWNER_DATABASE_URL"
Month = Annotated[str, typer.Option(metavar="YYYY-MM", help="a month that is over, in WIB")]
To = Annotated[Path | None, typer.Option(metavar="DIR", help="the folder of cold months; default: PERISAI_AUDIT_COLD")]
FromCold = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="the folder of cold months, without any settings; default: PERISAI_AUDIT_COLD"),
]
Id = Annotated[str, typer.Option(metavar="ID")]


@app.command("write")
def write_month(month: Month, to: To = None, as_json: AsJson = False) -> None:
    """Write a closed month as Parquet, read it back and verify it; exit code 1 and nothing written when it cannot be."""
    wanted, own = month_of(month), settings()
    shelf = to or own.shelf.folder
    try:
        made, now = asyncio.run(_written(own, wanted, shelf))
    except (NotWritten, OSError) as error:
        refuse(f"--month: {error} / {wanted} tidak ditulis")
    _say(made, shelf, "written / ditulis" if now else "is there already / sudah ada", as_json=as_json, written=now)


@app.command("drop")
def drop_month(month: Month, to: To = None, as_json: AsJson = False) -> None:
    """Take the events of a cold month out of the database, as its owner (PERISAI_OWNER_DATABASE_URL); what finds them stays."""
    wanted, own = month_of(month), settings()
    shelf, owner = to or own.shelf.folder, os.environ.get(OWNER, "")
    if not owner:
        refuse(f"{OWNER}: only the owner of the database may do this / hanya pemilik basis data")
    try:
        made, gone = asyncio.run(_dropped(own, owner, Cold(shelf / str(wanted))))
    except (NotDropped, OSError) as error:
        refuse(f"--month: {error} / {wanted} tidak dilepas")
    _say(made, shelf, f"{gone} events left the database / dilepas dari basis data", as_json=as_json, dropped=gone)


@app.command("events")
def events(
    from_cold: FromCold = None,
    participant: Id = "",
    agent: Id = "",
    wadah: Id = "",
    branch: Id = "",
    bill: Id = "",
    correlation: Id = "",
    type_: Annotated[str, typer.Option("--type")] = "",
    actor: str = "",
    stream: str = "",
    key: str = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="recorded then or later; WIB unless it says")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="recorded before")] = "",
    oldest: Annotated[bool, typer.Option("--oldest", help="oldest first")] = False,
    after: Annotated[int | None, typer.Option(min=0, help="the place at which the page before ended")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    as_json: AsJson = False,
) -> None:
    """Search the files of cold months as `GET /events` searches the archive; needs no database. What was sealed stays sealed."""
    if bool(stream) != bool(key):
        refuse("--stream, --key: name both or neither / sebutkan keduanya")
    ids = {
        "participant": participant,
        "agent": agent,
        "wadah": wadah,
        "branch": branch,
        "bill": bill,
        "correlation": correlation,
    }
    equal: dict[str, object] = {f"{name}_id": id_of(f"--{name}", text) for name, text in ids.items() if text}
    words = {"type": type_, "actor": actor, "stream": stream, "key": key}
    equal |= {name: text for name, text in words.items() if text}
    order = Order.OLDEST if oldest else Order.NEWEST
    wanted = Wanted(equal, *window_of(since, until), Clock.RECORDED, order, after)
    shelf = Shelf(from_cold) if from_cold else settings().shelf
    if not shelf.months():
        refuse(f"--from-cold: {shelf.folder} has no cold months / tidak ada bulan dingin")
    try:
        found = [event_shown(row, []) for row in shelf.found(wanted, limit)]
    except duckdb.Error as error:
        refuse(f"a file cannot be read ({type(error).__name__}): verify it / berkas tidak dapat dibaca")
    if as_json:
        print(json.dumps([one.model_dump(mode="json") for one in found]))
        return
    for one in found:
        doubt = "" if one.intact else "  NOT INTACT / TIDAK UTUH"
        print(
            f"{one.place} {one.recorded_at:%Y-%m-%dT%H:%M:%SZ} {one.type} {one.stream} {one.key} {one.seq} by {one.actor}{doubt}"
        )


async def _written(own: Settings, month: ContributionMonth, shelf: Path) -> tuple[Manifest, bool]:
    async with database(own.database_url) as engine:
        with progress("written") as tell:
            return await write(engine, own.public_key, month, shelf, now=SystemClock().wall(), tell=tell)


async def _dropped(own: Settings, owner: str, cold: Cold) -> tuple[Manifest, int]:
    async with database(owner) as engine:
        with progress("dropped") as tell:
            return await drop(engine, own.public_key, cold, tell=tell)


def _say(made: Manifest, shelf: Path, sentence: str, *, as_json: bool, **more: object) -> None:
    size, folder = sum(part.size for part in made.parts), shelf / str(made.month)
    if as_json:
        told = {"month": str(made.month), "folder": str(folder), "start": made.start, "end": made.end, "bytes": size}
        print(json.dumps({**told, "files": [part.name for part in made.parts], **more}))
        return
    print(f"{folder}: leaves {made.start} to {made.end - 1} in {len(made.parts)} files, {size} bytes: {sentence}")
