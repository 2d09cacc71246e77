"""Ranges and what they showed as lines of text: between processes, and in the file of a verification that may be broken off."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from services.audit.domain.tiles import Tile
from services.audit.domain.verifying import Finding, Kind, Part, Stray
from services.audit.verification.parts import Proven


def range_as_text(tiles: Sequence[Proven]) -> str:
    """One line."""
    return _line([[*proven.tile, _hex(proven.root), _hex(proven.hashes)] for proven in tiles])


def range_of(text: str) -> list[Proven]:
    """Reads what `range_as_text` wrote."""
    return [
        Proven(Tile(level, number, width), _bytes(root), _bytes(hashes))
        for level, number, width, root, hashes in json.loads(text)
    ]


def mark_of(log: str, tiles: Sequence[Proven]) -> str:
    """Names a range by what is proved of it, so that it is another one as soon as anything of that is other."""
    return sha256(f"{log}\n{range_as_text(tiles)}".encode()).hexdigest()


def part_as_text(part: Part) -> str:
    """One line; `{}` for a range in which nothing is wrong."""
    found = {
        "strays": [[stray.place, stray.hash.hex(), stray.event_id] for stray in part.strays],
        "missing": [[place, hash_.hex()] for place, hash_ in part.missing],
        "findings": [[*finding] for finding in part.findings],
    }
    return _line({name: values for name, values in found.items() if values})


def part_of(text: str) -> Part:
    """Reads what `part_as_text` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    found: dict[str, list[Any]] = json.loads(text)
    return Part(
        tuple(Stray(place, bytes.fromhex(hash_), event_id) for place, hash_, event_id in found.get("strays", ())),
        tuple((place, bytes.fromhex(hash_)) for place, hash_ in found.get("missing", ())),
        tuple(Finding(Kind(kind), *rest) for kind, *rest in found.get("findings", ())),
    )


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _hex(raw: bytes | None) -> str | None:
    return None if raw is None else raw.hex()


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text)
