"""The committed JSON Schema of every event type and version: `contracts/schemas/<Type>.<version>.json`.
 `python -m contracts.snapshots` checks that they are current and compatible; with `--write` it writes what is missing
or compatibly changed, and never over an incompatible change."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.compatibility import Schema, Snapshots, breaks
from contracts.event import Catalogue
from contracts.events import CATALOGUE
from contracts.schema import wire_schema

FOLDER = Path(__file__).parent / "schemas"


def committed(folder: Path = FOLDER) -> dict[tuple[str, int], Schema]:
    """The snapshots in a folder."""
    return {_name(path): json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def outdated(catalogue: Catalogue, snapshots: Snapshots) -> dict[tuple[str, int], Mapping[str, Any]]:
    """Schemas of today that differ from their snapshot or have none."""
    today = {(event.type, event.version): wire_schema(event) for event in catalogue.events}
    return {name: schema for name, schema in today.items() if snapshots.get(name) != schema}


def write(schemas: Snapshots, folder: Path = FOLDER) -> None:
    """Writes snapshots, one file each."""
    folder.mkdir(exist_ok=True)
    for (type_, version), schema in schemas.items():
        (folder / f"{type_}.{version}.json").write_text(json.dumps(schema, indent=2, sort_keys=True) + "\n")


def main(arguments: list[str] | None = None, *, catalogue: Catalogue = CATALOGUE, folder: Path = FOLDER) -> int:
    """The command; 0 when all is well."""
    parser = argparse.ArgumentParser(prog="python -m contracts.snapshots", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write what is missing or compatibly changed")
    options = parser.parse_args(arguments)
    snapshots = committed(folder)
    if found := breaks(catalogue, snapshots):
        print("\n".join(map(str, found)), file=sys.stderr)
        return 1
    changed = outdated(catalogue, snapshots)
    if options.write:
        write(changed, folder)
        print(f"{len(changed)} snapshots written, {len(catalogue.events) - len(changed)} were current")
        return 0
    for type_, version in changed:
        print(
            f"{type_} version {version}: its snapshot is not current; run python -m contracts.snapshots --write",
            file=sys.stderr,
        )
    return 1 if changed else 0


def _name(path: Path) -> tuple[str, int]:
    type_, _, version = path.stem.rpartition(".")
    return type_, int(version)


if __name__ == "__main__":
    raise SystemExit(main())
