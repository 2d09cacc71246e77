"""A pair of clocks that stand still until a test moves them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2025, 10, 6, 2, 0, tzinfo=UTC)
"""A Monday, 09:00 WIB, in the month of the demo: before any discount."""


class FakeClock:
    """Satisfies chassis.clock.Clock."""

    def __init__(self, business: datetime = START, wall: datetime | None = None) -> None:
        self._business = business
        self._wall = wall or business

    def business(self) -> datetime:
        return self._business

    def wall(self) -> datetime:
        return self._wall

    def set(self, business: datetime) -> None:
        """Sets business time alone, to an aware instant."""
        if business.tzinfo is None:
            raise ValueError("a clock is set to an aware instant")
        self._business = business.astimezone(UTC)

    def move(self, by: timedelta) -> None:
        """Time passes: both clocks move."""
        self._business += by
        self._wall += by

    def move_wall(self, by: timedelta) -> None:
        """Wall time alone passes (leases, tokens)."""
        self._wall += by
