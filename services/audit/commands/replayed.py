"""Records that a service was replayed from the archive, and how it came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.ids import new_id
from chassis.outcomes import Done
from chassis.transaction import Meta, Scope, Tx
from contracts.events.audit import ReplayCompared

RULES = "audit-replay/2026-11"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the command of a service said in the end (`chassis.fed`). `size`: leaves of the archive that it was fed from. `by`: who asked."""

    service: str
    size: int
    until: datetime | None
    outcome: dict[str, Any]
    by: str


async def record_replays(tx: Tx, items: Sequence[Replayed], /) -> list[Done]:
    """Each as an event of the replays of its service."""
    stream = ReplayCompared.stream
    await tx.heads(stream, {item.service for item in items})
    for item in items:
        tx.record(_event(item), key=item.service, meta=Meta(item.by, new_id()), scope=Scope(), rules=RULES)
    return [Done()] * len(items)


def _event(item: Replayed) -> ReplayCompared:
    told = item.outcome
    return ReplayCompared(
        service=item.service,
        size=item.size,
        until=item.until,
        events=told["events"],
        rows=sum(told["rows"].values()),
        differences=len(told["differences"]),
        tables=tuple(sorted({one["table"] for one in told["differences"]})),
        discrepancies=told["log"]["discrepancies"],
    )
