"""State tables against the event log, both ways: no row without its first event, no first event without its row."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.faults.checker.tally import Tally
from tests.faults.checker.world import World

_DECLARED = tomllib.loads(Path(__file__).with_name("states.toml").read_text(encoding="utf-8"))
TABLES: list[Mapping[str, Any]] = _DECLARED["table"]
ANSWERS: list[Mapping[str, Any]] = _DECLARED["answer"]


async def anti_join(world: World, tally: Tally) -> None:
    """Every declared table of the services there are."""
    for table in TABLES:
        if table["service"] in world.facts.services:
            await _one(world, tally, table)


async def _one(world: World, tally: Tally, table: Mapping[str, Any]) -> None:
    rows = await keys_of(world, table["service"], table["name"], table["key"])
    caused = await _caused(world, table)
    where = f"{table['service']}.{table['name']}"
    for key in rows - caused:
        tally.bad(where, key, expected="the event that caused the row", actual="no event")
    for key in caused - rows:
        tally.bad(where, key, expected="a row for the event", actual="no row")
    tally.checked += len(rows | caused)


async def keys_of(world: World, service: str, table: str, columns: list[str]) -> set[str]:
    """The rows of a table, each named by these columns."""
    return {":".join(str(row[column]) for column in columns) for row in await world.rows(service, table)}


async def _caused(world: World, table: Mapping[str, Any]) -> set[str]:
    if "stream" in table:
        return {event.key for event in await world.log(table["service"]) if event.stream == table["stream"]}
    by_type, types = await world.by_type(table["service"]), table["event"]
    events = [event for name in ([types] if isinstance(types, str) else types) for event in by_type.get(name, ())]
    empty, fields = table.get("unless_empty"), table.get("fields") or [table["field"]]
    gone = {event.key for event in by_type.get(table.get("until", ""), ())}
    return {
        ":".join(str(event.data[field]) for field in fields)
        for event in events
        if (empty is None or event.data[empty]["box"] is not None)
        and event.key not in gone
        and None not in [event.data[field] for field in fields]
    }
