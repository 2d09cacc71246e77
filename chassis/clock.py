"""Two clocks, never mixed.
 Business time decides contribution months, due dates and `occurred_at`; it may be offset to simulate a date. Wall
time is for tokens, signatures, leases and `recorded_at`. Both are aware UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def business(self) -> datetime:
        """The instant the business believes it is."""

    def wall(self) -> datetime:
        """The instant it really is."""


class SystemClock:
    """The machine's clock, with business time ahead of or behind it by `offset`."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def business(self) -> datetime:
        return self.wall() + self.offset

    def wall(self) -> datetime:
        return datetime.now(UTC)
