"""`perisai audit reads`: who looked at a person's data, or what somebody looked at; from the archive, newest first."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from services.audit.api.showing import event_shown
from services.audit.cli.opened import AsJson, database, id_of, refuse, settings, window_of
from services.audit.domain.reads import TYPE, Told
from services.audit.queries import search
from services.audit.queries.leaves import with_leaves
from services.audit.queries.search import Wanted
from services.audit.settings import Settings

Participant = Annotated[str, typer.Option(metavar="ID", help="whose data was looked at")]
Actor = Annotated[
    str, typer.Option(help="who looked: the subject of a token, partner:NAME, link:PAYMENT_ID or operator")
]
Since = Annotated[str, typer.Option(metavar="TIME", help="from then on (WIB unless it says)")]
Until = Annotated[str, typer.Option(metavar="TIME", help="before then")]
Most = Annotated[int, typer.Option(min=1, max=10_000, help="reads to be told, the newest")]


def tell(
    participant: Participant = "",
    actor: Actor = "",
    since: Since = "",
    until: Until = "",
    most: Most = 200,
    as_json: AsJson = False,
) -> None:
    """Who looked at whose data, when, as what, through which door. The values they saw stand nowhere."""
    if not (participant or actor):
        refuse("--participant ID or --actor NAME says whose reads are meant / sebutkan pembacaan siapa")
    window = window_of(since, until)
    no_id = "not an id (a UUID) / bukan nomor peserta (UUID)"
    who, own = id_of("--participant", participant, no_id) if participant else None, settings()
    equal: dict[str, object] = {"type": TYPE} | ({"participant_id": who} if who else {})
    equal |= {"actor": actor} if actor else {}
    found = asyncio.run(_found(own, Wanted(equal, *window), most + 1))
    told = [Told.of(row, _payload(row), participant=who) for row in found[:most]]
    if as_json:
        print(json.dumps({"reads": [one.as_json() for one in told], "more": len(found) > most}))
        return
    for one in told:
        print(one)
    more = (
        f", and older ones: --until {told[-1].at.isoformat()} / masih ada yang lebih lama" if len(found) > most else ""
    )
    print(f"{len(told)} reads / pembacaan{more}")


async def _found(own: Settings, wanted: Wanted, limit: int) -> search.Rows:
    async with database(own.database_url) as engine, engine.connect() as conn:
        return await with_leaves(own.shelf, await search.found(conn, wanted, limit))


def _payload(row: Mapping[Any, Any]) -> Mapping[str, Any]:
    """As it was recorded; empty for a leaf that was spoilt, of which a verification tells more."""
    return event_shown(row, []).payload or {}
