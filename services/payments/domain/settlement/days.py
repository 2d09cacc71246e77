"""A partner's business day: from its cut-off to the next, in its own time zone; without one it is the calendar day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contracts.events.reconciliation import SettlementLayout


class Window(NamedTuple):
    """`start` belongs to the day, `end` does not; both UTC."""

    start: datetime
    end: datetime

    def holds(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def window(layout: SettlementLayout, day: date) -> Window:
    """The instants of this business day. A cut-off after midnight ends the day on its own date: 22:00 begins the day before at 22:00."""
    zone, cut_off = ZoneInfo(layout.time_zone), time.fromisoformat(layout.cut_off)
    first = day if cut_off == time(0) else day - timedelta(days=1)
    start, end = (datetime.combine(one, cut_off, zone) for one in (first, first + timedelta(days=1)))
    return Window(start.astimezone(UTC), end.astimezone(UTC))


def stream_key(partner: str, day: date) -> str:
    """The key of a partner's day in stream `reconciliation`."""
    return f"{partner}:{day.isoformat()}"
