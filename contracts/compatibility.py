"""A version of an event, once committed, changes only in ways that every old reader and every old event can live with.
 All that ever existed meets all that ever will: records are kept for ever and readers are not deployed together
(full-transitive). So within a version one may add a field that has a default, or reword prose. Everything else is a
new version with an upcaster from the one before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.event import Catalogue
from contracts.schema import wire_schema

Schema = Mapping[str, Any]
Snapshots = Mapping[tuple[str, int], Schema]
"""(type, version) → the committed schema."""

_READ_BY_US = ("$schema", "$id", "properties", "required", "items", "x-sealed", "additionalProperties")
"""Compared by rules of their own; `additionalProperties` binds producers only, readers ignore what they do not know."""


@dataclass(frozen=True, slots=True)
class Break:
    """One change that an old reader or an old event could not live with."""

    type: str
    version: int
    field: str
    what: str

    def __str__(self) -> str:
        place = f"field {self.field}" if self.field else "the event"
        return f"{self.type} version {self.version}: {place} {self.what}"


def breaks(catalogue: Catalogue, snapshots: Snapshots) -> list[Break]:
    """Every incompatibility between the catalogue and what was committed, by type, version and field."""
    found = [
        Break(*name, "", "was committed and is gone: old events of it are still in the log. Keep its class")
        for name in snapshots.keys() - {(event.type, event.version) for event in catalogue.events}
    ]
    for event in catalogue.events:
        if old := snapshots.get((event.type, event.version)):
            found += (Break(event.type, event.version, *one) for one in differences(old, wire_schema(event)))
    found += (
        Break(type_, version, "", f"has no upcaster to version {version + 1}: its events could not be read")
        for type_, version in catalogue.missing_upcasters()
    )
    return sorted(found, key=lambda one: (one.type, one.version, one.field))


def differences(old: Schema, new: Schema, at: str = "") -> Iterator[tuple[str, str]]:
    """(field, what happened to it) for every incompatible change from `old` to `new`."""
    yield from _fields(old, new, at)
    for part, step in (("items", "[]"), ("x-sealed", "")):
        if part in old and part in new:
            yield from differences(old[part], new[part], at + step)
        elif part in old or part in new:
            yield at, f"changed its shape: `{part}` {'was removed' if part in old else 'was added'}. {_REMEDY}"
    for name in sorted(old.keys() | new.keys()):
        if name not in _READ_BY_US and _canonical(old.get(name)) != _canonical(new.get(name)):
            yield at, f"changed: `{name}` was {_shown(old.get(name))} and is {_shown(new.get(name))}. {_REMEDY}"


_REMEDY = "Make a new version with an upcaster"


def _fields(old: Schema, new: Schema, at: str) -> Iterator[tuple[str, str]]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before.keys() | after.keys()):
        field = f"{at}.{name}" if at else name
        if name not in after:
            yield field, f"was removed or renamed: old readers expect it. {_REMEDY}"
        elif name not in before:
            if name in needed_after:
                yield field, "was added without a default: old events lack it. Give it a default or make a new version"
        else:
            if name in needed_after - needed_before:
                yield field, "became required: old events may lack it. Keep its default"
            if name in needed_before - needed_after:
                yield field, f"became optional: old readers require it. {_REMEDY}"
            yield from differences(before[name], after[name], field)


def _canonical(value: Any) -> str:
    """Order means nothing in a list of choices."""
    if isinstance(value, list):
        return json.dumps(sorted(json.dumps(item, sort_keys=True) for item in value))
    return json.dumps(value, sort_keys=True)


def _shown(value: Any) -> str:
    return "absent" if value is None else json.dumps(value, sort_keys=True)


def main() -> int:
    """Checks the catalogue against the committed snapshots; 0 when every change is compatible."""
    import sys

    from contracts.events import CATALOGUE
    from contracts.snapshots import committed

    found = breaks(CATALOGUE, committed())
    print(
        "\n".join(map(str, found)) or "every contract is compatible with what was committed",
        file=sys.stderr if found else sys.stdout,
    )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
