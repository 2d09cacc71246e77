"""A retry runs parked events through the same use case as live ones, and frees a key only when nothing of it is parked any more.

What else is parked is asked in the retry's own transaction, after `progress` was read: whatever parks later moves that row first, so the
compare-and-set notices it, and no event stays behind on a key that flows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import faults, inbox, rows
from chassis.inbox import GAP, QUEUED, Applying, Place
from chassis.outcomes import Done
from chassis.records import Incoming, Outcome, Received
from chassis.tables import parked_events
from chassis.transaction import Tx, UseCase

_OTHERS = sa.text(
    "SELECT p.stream, p.key, bool_or(p.seq = wanted.seq + 1) AS holds_next"
    " FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[]), CAST(:seqs AS bigint[])) AS wanted(stream, key, seq)"
    " JOIN parked_events AS p USING (stream, key) WHERE NOT EXISTS ("
    "SELECT FROM unnest(CAST(:s AS text[]), CAST(:k AS text[]), CAST(:q AS bigint[]), CAST(:e AS uuid[]))"
    " AS given(stream, key, seq, event_id)"
    " WHERE (given.stream, given.key, given.seq, given.event_id) = (p.stream, p.key, p.seq, p.event_id))"
    " GROUP BY p.stream, p.key"
)


class Retrying(Applying):
    """As for live events, but a key's own parking does not stand in the way, and what took effect leaves the parking place."""

    def __init__(self, handler: UseCase[Received, Outcome]) -> None:
        super().__init__(handler, name="parked.retry")

    async def __call__(self, tx: Tx, items: Sequence[Incoming], /) -> list[Outcome]:
        places, at = await inbox.load(tx.conn, items)
        moving = {key for key, place in places.items() if _holds_next(place, items)}
        for key in moving:
            places[key].resume()
        outcomes, parked = await self._judge(tx, places, items, at)
        others = await _others(tx.conn, places.values(), items)
        for key, place in places.items():
            _conclude(place, moves=key in moving, holds_next=others.get(key), at=at)
        _drop_later(tx, [item for item, outcome in zip(items, outcomes, strict=True) if isinstance(outcome, Done)])
        tx.defer(lambda conn: inbox.store(conn, places.values(), parked))
        return outcomes


def _holds_next(place: Place, items: Sequence[Incoming]) -> bool:
    """Whether this batch has what the key waits for. After a split it may not: then the key waits on for its own reason."""
    return any(
        (item.envelope.stream, item.envelope.key, item.envelope.seq) == (place.stream, place.key, place.seq + 1)
        for item in items
    )


def _conclude(place: Place, *, moves: bool, holds_next: bool | None, at: datetime) -> None:
    """`holds_next`: whether what else is parked of this key holds the event that comes next; None when nothing else is parked."""
    place.changed = True
    if place.parked is None and holds_next is None:
        place.free()
    elif place.parked is None or (place.parked in (GAP, QUEUED) and holds_next):
        # What comes next was parked after this batch had been read: there is no gap to wait for.
        place.parked, place.retry_at = QUEUED, at
    elif not moves and place.parked != "not_yet":  # asked for, and nothing could be done: not again until asked again
        place.parked = GAP if place.parked == QUEUED else place.parked
        place.retry_at = None


async def _others(
    conn: AsyncConnection, places: Collection[Place], items: Sequence[Incoming]
) -> dict[tuple[str, str], bool]:
    """Keys that have parked events beside these, and whether one of them comes next."""
    found = await conn.execute(
        _OTHERS,
        {
            "streams": [place.stream for place in places],
            "keys": [place.key for place in places],
            "seqs": [place.seq for place in places],
            "s": [item.envelope.stream for item in items],
            "k": [item.envelope.key for item in items],
            "q": [item.envelope.seq for item in items],
            "e": [item.envelope.event_id for item in items],
        },
    )
    return {(row.stream, row.key): row.holds_next for row in found}


def _drop_later(tx: Tx, gone: Sequence[Incoming]) -> None:
    keys = [
        {"stream": i.envelope.stream, "key": i.envelope.key, "seq": i.envelope.seq, "event_id": i.envelope.event_id}
        for i in gone
    ]

    async def drop(conn: AsyncConnection) -> None:
        await rows.delete(conn, parked_events, keys)
        faults.point("K1")

    tx.defer(drop)
