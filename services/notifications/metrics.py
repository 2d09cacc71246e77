"""Metrics of notifications alone; those of every service are in chassis.telemetry.metrics."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

from services.notifications.domain.sending import Answer, Doubtful, NotCalled, NotTaken, Refused, Taken

NAMES: Final[dict[type[Answer], str]] = {
    Taken: "taken",
    Refused: "refused",
    NotTaken: "not_taken",
    Doubtful: "doubtful",
    NotCalled: "not_called",
}
CALLS: Final = Counter("perisai_gateway_calls", "Messages handed to the provider, by its answer.", ["answer"])
"""`not_taken` and `doubtful` growing alone: the provider is away. `doubtful` is what may end as unknown."""
