"""Quiet hours: what the calendar brings at midnight is told in the morning (domain.md section 9: timed notices, not
those sent at once).

Counted in WIB like every business date, also for branches further east. Ours, no regulation fixes them.
"""

from __future__ import annotations

from datetime import datetime, time

from contracts.values import WIB

QUIET_FROM = time(21)
QUIET_UNTIL = time(7)


def is_quiet_at(now: datetime) -> bool:
    """Whether timed notices rest at this instant: from 21:00 until 07:00 WIB."""
    local = now.astimezone(WIB).time()
    return local >= QUIET_FROM or local < QUIET_UNTIL
