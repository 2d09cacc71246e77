"""The gateway's clock: wall time."""

from datetime import UTC, datetime


def now() -> datetime:
    """In UTC."""
    return datetime.now(UTC)  # wall clock: an outside party has no other


def timestamp(moment: datetime, *, timespec: str = "seconds") -> str:
    """As in `2026-11-22T03:15:30Z`."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
