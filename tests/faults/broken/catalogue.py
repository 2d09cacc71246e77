"""The broken builds: what each breaks, which invariant must show it, and by which check. Data: catalogue.toml beside this file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

FILE = Path(__file__).with_name("catalogue.toml")
TIER = "test"
"""Of every check that does not say otherwise."""


@dataclass(frozen=True)
class Build:
    """`check`: a pytest node of a proof. `test`: part of the test tier."""

    id: str
    what: str
    expected: tuple[str, ...]
    check: str
    test: bool = False
    tier: str = TIER
    environ: dict[str, str] = field(default_factory=dict)


def read() -> dict[str, Build]:
    """Every build by its id, in the order of the file."""
    found = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {key: Build(key, **(entry | {"expected": tuple(entry["expected"])})) for key, entry in found.items()}
