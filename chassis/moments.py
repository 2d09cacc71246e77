"""Times as people type them to a command."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from contracts.values import WIB


def moment(text: str) -> datetime:
    """The instant that somebody typed, in UTC; one without an offset is in WIB. Exits with one sentence when it is none."""
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=WIB)).astimezone(UTC)
    except (ValueError, OverflowError):
        sys.exit(f"{text!r} bukan waktu; tulis seperti / is no time; write one like 2026-11-30T17:00:00+07:00")
