"""What became of one item of a batch. `Rejected` (chassis.problems) is the fifth outcome, shared by commands and
reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command was carried out. `body` is stored for repeats of the same Idempotency-Key: ids and codes only, never
    personal data."""

    body: Mapping[str, Any]
    status: int = 201


@dataclass(frozen=True, slots=True)
class Done:
    """A consumed event or a due row was dealt with."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """A fact that this item needs has not arrived; its key waits and is tried again with back-off. `what` is a code,
    e.g. "participant"."""

    what: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The item cannot be dealt with; its key parks until an operator retries it. `reason` is a code without personal
    data."""

    reason: str
