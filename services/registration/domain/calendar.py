"""Civil time in WIB: which day an instant is, how old a person is on it, where a civil day ends.

Business dates are WIB everywhere, also for branches in WITA and WIT (domain.md section 1).
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from contracts.values import WIB


@lru_cache(maxsize=1_024)
def wib_date(instant: datetime) -> date:
    """The civil day in WIB of an aware instant. Kept, as all items of a batch ask for the same instant."""
    return instant.astimezone(WIB).date()


@lru_cache(maxsize=1_024)
def day_starts_at(day: date) -> datetime:
    """00:00 WIB of that day, as UTC."""
    return datetime.combine(day, time(), WIB).astimezone(UTC)


def day_ends_at(day: date) -> datetime:
    """24:00 WIB of that day (the first instant no longer inside), as UTC."""
    return day_starts_at(day + timedelta(days=1))


def completed_years(birth_date: date, on: date) -> int:
    """Age in completed years. Born on 29 February, a person turns a year older on 1 March of a common year."""
    had_birthday = (on.month, on.day) >= (birth_date.month, birth_date.day)
    return on.year - birth_date.year - (0 if had_birthday else 1)


def months_later(day: date, months: int) -> date:
    """The same day so many months later; a day that this month lacks becomes its last."""
    years, month = divmod(day.month - 1 + months, 12)
    first = date(day.year + years, month + 1, 1)
    return first.replace(day=min(day.day, monthrange(first.year, first.month)[1]))
