"""What a person asks for is dealt with within 3 × 24 hours (UU 27/2022 Art. 32: a copy; Art. 40: erasure)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from services.registration.domain.calendar import wib_date
from services.registration.domain.parameters import DUTY, in_force

WARNED: Final = timedelta(hours=24)
"""So long before its end a duty is near its end."""


def due_by(requested_at: datetime) -> datetime:
    """When the duty ends."""
    return requested_at + _length(requested_at)


def hours_left(requested_at: datetime, now: datetime) -> int:
    """Whole hours until then, rounded down; below zero once it has ended."""
    return (due_by(requested_at) - now) // timedelta(hours=1)


def asked_by(now: datetime, *, left: timedelta = timedelta()) -> datetime:
    """The duty of what was asked until then ends within `left`, or has ended."""
    return now + left - _length(now)


def _length(at: datetime) -> timedelta:
    return timedelta(hours=in_force(DUTY, wib_date(at)).hours)
