"""A partner's business day: from its cut-off to the next, in its own time zone; without one it is the calendar day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from contracts.events.reconciliation import SettlementLayout

FIRST_DAY = date(2020, 1, 1)
"""No partner has a file of an earlier day: no records of ours begin before."""

LATE = timedelta(days=1)
"""How far behind the end of its file's day a line may lie: banks differ in which day a payment at the cut-off is of."""
CLOCK_SKEW = timedelta(minutes=5)
"""How far a partner's clock may be ahead of ours."""


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


def is_possible(day: date, today: date) -> bool:
    """Whether there can be a file of this day. `today` in WIB; a day that has begun may have its file, as a cut-off may end it early."""
    return FIRST_DAY <= day <= today


def untimely(paid_at: datetime, ends: datetime, now: datetime) -> str | None:
    """Why a payment cannot be of a file whose day `ends` then; what lies before the day may be, as partners list what they forgot."""
    if paid_at > now + CLOCK_SKEW:
        return "paid_at_ahead"
    return "paid_at_after_day" if paid_at >= ends + LATE else None


def stream_key(partner: str, day: date) -> str:
    """The key of a partner's day in stream `reconciliation`."""
    return f"{partner}:{day.isoformat()}"
