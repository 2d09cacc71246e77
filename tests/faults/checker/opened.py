"""The second pass: everything sealed is opened with all live keys. What is declared must open, and nothing undeclared may hold a person's data.

Yields what was opened; the caller searches it. A box that does not open in its declared place, or a copy of an erased person, is an offence here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.checker.keys import CellKey, ServiceKeys, open_sealed, person_keys
from tests.faults.checker.pieces import COLUMNS, DECLARED, shape
from tests.faults.checker.tally import Tally
from tests.faults.checker.world import Event, World

KEEPER = "registration"
_SEALED = {(one["type"], one["field"]) for one in DECLARED["sealed"]}


@dataclass(frozen=True, slots=True)
class Opened:
    """`declared`: personal data may stand there."""

    where: str
    key: str
    text: bytes
    declared: bool


async def opened(world: World, tally: Tally) -> AsyncIterator[Opened]:
    persons = await keys_of_persons(world)
    for service in world.facts.services:
        keys = ServiceKeys.of(world.facts.master_keys[service])
        async for one in _cells(world, tally, service, keys.cells(), persons):
            yield one
        async for one in _files(world, tally, service, keys):
            yield one
        for event in await world.log(service):
            if b'"sealed_for"' in event.payload:
                for one in _boxes(tally, event, persons):
                    yield one


async def keys_of_persons(world: World) -> Mapping[str, bytes | None]:
    """Subject → key; None: erased."""
    if KEEPER not in world.facts.services:
        return {}
    rows = {str(row["subject"]): row["wrapped"] for row in await world.rows(KEEPER, "person_keys")}
    return person_keys(ServiceKeys.of(world.facts.master_keys[KEEPER]), rows)


async def _cells(
    world: World, tally: Tally, service: str, keys: CellKey, persons: Mapping[str, bytes | None]
) -> AsyncIterator[Opened]:
    for table in await shape(world, service):
        name, binary = table["name"], table["binary"]
        if not binary or name == "event_log":
            continue
        rule = COLUMNS.get((service, name), {})
        for row in await world.rows(service, name):
            place = ":".join(str(row[column]) for column in rule.get("row", table["row"] or ()))
            for column in binary:
                box = row[column]
                if box is None:
                    continue
                declared, where = column in rule.get("columns", ()), f"{service}.{name}.{column}"
                text = keys.open(name, column, place, bytes(box))
                tally.checked += 1
                if declared and text is None:
                    tally.bad(where, place, expected="a box that opens there", actual="it does not open")
                if declared and place in persons and persons[place] is None:
                    tally.bad(where, place, expected="nothing of an erased person", actual="a copy")
                if text is not None:
                    yield Opened(where, place, text, declared)


async def _files(world: World, tally: Tally, service: str, keys: ServiceKeys) -> AsyncIterator[Opened]:
    for rule in DECLARED["file"]:
        table, column = rule["table"], rule["column"]
        if rule["service"] != service:
            continue
        parts: defaultdict[Any, list[Any]] = defaultdict(list)
        for row in await world.rows(service, table):
            parts[row[rule["id"]]].append(row)
        for file_id, rows in parts.items():
            for row in rows:
                tally.checked += 1
                text = keys.file_part(rule["purpose"], file_id, row["number"], len(rows), bytes(row[column]))
                where, key = f"{service}.{table}.{column}", f"{file_id}:{row['number']}"
                if text is None:
                    tally.bad(where, key, expected="a box that opens there", actual="it does not open")
                else:
                    yield Opened(where, key, text, True)


def _boxes(tally: Tally, event: Event, persons: Mapping[str, bytes | None]) -> Iterator[Opened]:
    """Sealed fields of one event, wherever in the payload they stand."""
    for path, sealed in _sealed_in(event.data, ()):
        where = f"{event.type}.{'.'.join(path)}"
        key, box = persons.get(sealed["sealed_for"]), sealed["box"]
        if box is None or key is None:
            continue  # forgotten, or its key destroyed: nobody can open it
        tally.checked += 1
        text = open_sealed(key, event.event_id, sealed["sealed_for"], box)
        if text is None:
            tally.bad(where, event.event_id, expected="a box of that event and person", actual="it does not open")
        else:
            yield Opened(where, event.event_id, text, (event.type, ".".join(path)) in _SEALED)


def _sealed_in(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    match value:
        case {"sealed_for": str(), "box": _}:
            yield path, value
        case dict():
            for name, inner in value.items():
                yield from _sealed_in(inner, (*path, name))
        case list():
            for inner in value:
                yield from _sealed_in(inner, path)
