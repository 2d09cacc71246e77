"""Days and instants that callers name. Bounded, so that a day more, a month more or a time zone is always a day that there is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field

from chassis.http.faults import field_fault

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)
_FIRST, _AFTER = (datetime.combine(day, time(), UTC) for day in (FIRST_DAY, LAST_DAY + timedelta(days=1)))


def is_a_day(value: date) -> bool:
    """Whether it is one that somebody may name here."""
    return FIRST_DAY <= value <= LAST_DAY


def _bounded(value: date) -> date:
    if not is_a_day(value):
        raise field_fault(
            "date_out_of_range",
            id=f"Tulis tanggal dari {FIRST_DAY} sampai {LAST_DAY}.",
            en=f"Write a date from {FIRST_DAY} to {LAST_DAY}.",
        )
    return value


Day = Annotated[date, AfterValidator(_bounded), Field(description=f"from {FIRST_DAY} to {LAST_DAY}")]
"""A date of the records or of what is agreed; dates of a person's life are not of this kind."""


def _bounded_instant(value: datetime) -> datetime:
    # compared, never converted: the year 1 has no UTC east of Greenwich
    if not _FIRST <= value < _AFTER:
        raise field_fault(
            "time_out_of_range",
            id=f"Tulis waktu dari {FIRST_DAY} sampai {LAST_DAY} (UTC).",
            en=f"Write a time from {FIRST_DAY} to {LAST_DAY} (UTC).",
        )
    return value


Moment = Annotated[
    AwareDatetime, AfterValidator(_bounded_instant), Field(description=f"from {FIRST_DAY} to {LAST_DAY}, UTC")
]
"""A time that somebody names, with its offset."""
