"""Topic `audit`: what the audit log was at a moment, under its signature, and what was checked with it. No personal data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.event import Event
from contracts.values import Instant, ShortText

Root = Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""A hash of 32 bytes in base64."""
Size = Annotated[int, Field(ge=0, lt=2**63, strict=True)]
"""How many: leaves of a log, events, rows."""


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


class ReplayCompared(Event, stream="replays"):
    """A service's state was rebuilt from the archive of `size` leaves, and compared: with what stood live, or, `until` a moment, with what its
    own log makes of the events recorded by then. Counts alone: which rows and events differ was told to who asked.
    """

    service: ShortText
    size: Size
    until: Instant | None = None
    events: Size
    rows: Size
    differences: Size
    """Rows or cells that differ; 1,000 at most are counted."""
    tables: Annotated[tuple[ShortText, ...], Field(max_length=1_000)] = ()
    """In which of them."""
    discrepancies: Size
    """Events on which the archive and the service's own log disagree."""


EVENTS: tuple[type[Event], ...] = (CheckpointSigned, ReplayCompared)
