"""The bank's two clocks: wall time, and the business time it is told to live in.

Business time moves with the wall clock from the moment it was told, also across a restart. Both are shown in WIB
(Western Indonesian Time, UTC+07:00, no summer time), whole seconds, 25 characters, as SNAP writes times.
"""

import sqlite3
import time
from datetime import UTC, datetime, timedelta, timezone

WIB = timezone(timedelta(hours=7), "WIB")
SCHEMA = "create table if not exists clock (only_row integer primary key check (only_row = 1), offset_s real not null);"


def wall_now() -> datetime:
    """The wall clock in WIB."""
    return datetime.now(UTC).astimezone(WIB)  # wall clock: an outside party has no other


def elapsed_s() -> float:
    """Seconds of a clock that never goes back; only differences mean something."""
    return time.monotonic()


def snap_time(moment: datetime) -> str:
    """As in `2026-11-22T10:15:30+07:00`."""
    return moment.astimezone(WIB).isoformat(timespec="seconds")


def read_moment(text: str) -> datetime:
    """An aware moment from ISO 8601; raises `ValueError` with a sentence."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError("it must be a date-time with an offset, such as 2025-10-15T09:00:00+07:00")
    return moment


class BusinessClock:
    """The business time, kept as a distance from the wall clock."""

    def __init__(self, database: sqlite3.Connection, *, told_at_start: datetime | None) -> None:
        """Without `told_at_start` it goes on from what it was told last, or is the wall clock."""
        self._database = database
        row = database.execute("select offset_s from clock").fetchone()
        self._offset = timedelta(seconds=row["offset_s"]) if row else timedelta()
        if told_at_start is not None:
            self.tell(told_at_start)

    def now(self) -> datetime:
        """The business moment, in WIB."""
        return (wall_now() + self._offset).astimezone(WIB)

    def tell(self, moment: datetime) -> None:
        """From now on it is `moment`, and time goes on from there."""
        self._offset = moment - wall_now()
        self._database.execute("insert or replace into clock values (1, ?)", (self._offset.total_seconds(),))
