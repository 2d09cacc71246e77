"""Topic `audit`: what the audit log was at a moment, under its signature. No personal data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.event import Event
from contracts.values import ShortText

Root = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""A hash of 32 bytes in base64."""
Size = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
"""Leaves of a log."""


class CheckpointSigned(Event, stream="checkpoints"):
    """The log had `size` leaves and this root. `note` is the signed text that anybody can check; `path` proves that the log of `before`
    leaves, the checkpoint before this one (0: none), is its beginning.
    """

    log: ShortText
    size: Size
    root: Root
    note: Annotated[str, Field(min_length=1, max_length=4_096)]
    before: Size
    path: Annotated[tuple[Root, ...], Field(max_length=128)]


EVENTS: tuple[type[Event], ...] = (CheckpointSigned,)
