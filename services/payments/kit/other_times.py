"""Timestamps that may have been signed where another was sent: a clock that was asked twice, or one that stands in another zone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from contracts.values import WIB

NEAR_S, WIDE_S = 10, 7_200
"""Seconds around the one that was sent."""
ZONES_H = 14
"""Hours by which a local time may have been taken for that of another zone."""


def moment_of(timestamp: str) -> datetime | None:
    """None for what names no moment."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def near(sent: datetime) -> Iterator[tuple[str, str]]:
    """(in words, as written), the nearest first: whole seconds around `sent`."""
    return _written(sent, _seconds(NEAR_S))


def wide(sent: datetime) -> Iterator[tuple[str, str]]:
    """The same of two hours around, of the same seconds in other zones, and of the milliseconds around."""
    yield from _written(sent, _seconds(WIDE_S))
    zones = (hour * 3_600 for step in range(1, ZONES_H + 1) for hour in (step, -step))
    yield from _written(sent, [zone + off for zone in zones for off in _seconds(NEAR_S)])
    for thousandths in range(-1_000, 2_000):
        moment = sent.replace(microsecond=0) + timedelta(milliseconds=thousandths)
        yield from _in_both_forms(sent, moment, "milliseconds")


def _seconds(most: int) -> list[int]:
    """0 too: of a timestamp with milliseconds it is the second itself."""
    return sorted(range(-most, most + 1), key=abs)


def _written(sent: datetime, offsets: Iterable[int]) -> Iterator[tuple[str, str]]:
    for offset in offsets:
        yield from _in_both_forms(sent, sent.replace(microsecond=0) + timedelta(seconds=offset), "seconds")


def _in_both_forms(sent: datetime, moment: datetime, precision: str) -> Iterator[tuple[str, str]]:
    local = moment.astimezone(WIB).isoformat(timespec=precision)
    for text in (local, moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")):
        yield f"not the X-TIMESTAMP that was sent was signed, but {text}: {_away(moment - sent)}", text


def _away(apart: timedelta) -> str:
    seconds = abs(apart).total_seconds()
    if not seconds:
        return "the same moment"
    return f"{seconds:g} s {'later' if apart > timedelta() else 'earlier'}"
