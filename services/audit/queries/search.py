"""What an auditor finds in the archive: by what an event is about, who did it and when, in the order in which it was recorded.

Every way to ask has an index that ends in the time of recording and the place, so a page costs its own rows and not the archive's, wherever in
time it begins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from services.audit.tables import archive, shown

Rows = Sequence[Mapping[Any, Any]]

MOST_RECORDS = 100
"""Records of one event that are listed: a topic that was sent anew for the hundredth time says nothing more."""


class Clock(StrEnum):
    """Which time of an event is meant."""

    RECORDED = "recorded"
    """Wall time of its durable write: what the system knew, and when."""
    OCCURRED = "occurred"
    """Business time: when it counts."""


class Order(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class Wanted:
    """`equal`: column of `archive` → what it must be. `since` on and before `until`, on `clock`; `after`: place of the last event seen."""

    equal: Mapping[str, object] = field(default_factory=dict)
    since: datetime | None = None
    until: datetime | None = None
    clock: Clock = Clock.RECORDED
    order: Order = Order.NEWEST
    after: int | None = None


# The same instant, written otherwise: the index of all events has it so. Were it of the bare column, the search for a thing that was last seen
# long ago would walk it from the newest event on, because a planner takes every thing to be spread evenly over time.
_OF_ALL = sa.func.timezone(sa.literal_column("'UTC'"), archive.c.recorded_at)
_PARTICIPANT = "participant_id"
_RECORDS = sa.text(
    'SELECT seen.* FROM unnest(CAST(:places AS bigint[])) AS wanted(place) CROSS JOIN LATERAL (SELECT place, topic, "partition", "offset",'
    ' hash, written_at, seen_at, verdict FROM sightings WHERE place = wanted.place ORDER BY topic, "partition", "offset", hash LIMIT :most)'
    " AS seen ORDER BY seen.place, seen.seen_at, seen.topic, seen.partition, seen.offset"
)


def _asked(wanted: Wanted, limit: int) -> sa.Select[Any]:
    """The statement of one page. A participant is found in two ways, each in its order: by what is about him alone, and by what showed his data
    to somebody, perhaps with that of many others.
    """
    if _PARTICIPANT not in wanted.equal:
        return _page(
            sa.select(archive), wanted, wanted.equal, archive.c.recorded_at if wanted.equal else _OF_ALL, limit
        )
    others = {name: value for name, value in wanted.equal.items() if name != _PARTICIPANT}
    of_him = sa.select(archive).join(shown, shown.c.place == archive.c.place)
    of_him = of_him.where(shown.c.participant_id == wanted.equal[_PARTICIPANT])
    both = sa.union_all(
        sa.select(_page(sa.select(archive), wanted, wanted.equal, archive.c.recorded_at, limit).subquery()),
        sa.select(_page(of_him, wanted, others, shown.c.recorded_at, limit, place=shown.c.place).subquery()),
    ).subquery()
    return _turned(sa.select(both), wanted, (both.c.recorded_at, both.c.place), limit)


def _page(
    query: sa.Select[Any],
    wanted: Wanted,
    equal: Mapping[str, object],
    recorded: sa.ColumnElement[Any],
    limit: int,
    *,
    place: sa.ColumnElement[int] = archive.c.place,
) -> sa.Select[Any]:
    query = query.where(*(archive.c[name] == value for name, value in equal.items()))
    clock = recorded if wanted.clock is Clock.RECORDED else archive.c.occurred_at
    if wanted.since is not None:
        query = query.where(clock >= _like(clock, wanted.since))
    if wanted.until is not None:
        query = query.where(clock < _like(clock, wanted.until))
    turn = (recorded, place)
    if wanted.after is not None:
        of_archive = recorded if recorded is _OF_ALL else archive.c.recorded_at
        last = sa.select(of_archive).where(archive.c.place == wanted.after).scalar_subquery()
        seen, row = sa.tuple_(last, sa.literal(wanted.after, sa.BigInteger)), sa.tuple_(*turn)
        query = query.where(row < seen if wanted.order is Order.NEWEST else row > seen)
    return _turned(query, wanted, turn, limit)


def _turned(
    query: sa.Select[Any], wanted: Wanted, turn: tuple[sa.ColumnElement[Any], ...], limit: int
) -> sa.Select[Any]:
    newest = wanted.order is Order.NEWEST
    return query.order_by(*(column.desc() for column in turn) if newest else turn).limit(limit)


def _like(clock: sa.ColumnElement[Any], at: datetime) -> sa.ColumnElement[Any]:
    moment = sa.literal(at, sa.TIMESTAMP(timezone=True))
    return sa.func.timezone(sa.literal_column("'UTC'"), moment) if clock is _OF_ALL else moment


async def found(conn: AsyncConnection, wanted: Wanted, limit: int) -> Rows:
    """Events in the order asked for; at most `limit`. One statement."""
    page: Rows = (await conn.execute(_asked(wanted, limit))).mappings().all()
    return page


async def one(conn: AsyncConnection, event_id: UUID) -> Mapping[Any, Any] | None:
    """One event; None when it is not archived."""
    return (await conn.execute(sa.select(archive).where(archive.c.event_id == event_id))).mappings().one_or_none()


async def records_of(conn: AsyncConnection, places: Sequence[int]) -> dict[int, list[Mapping[Any, Any]]]:
    """Place → the records that carried its event, as they arrived; the first MOST_RECORDS by coordinates, and one more where there are more."""
    result = await conn.execute(_RECORDS, {"places": [*places], "most": MOST_RECORDS + 1})
    records: dict[int, list[Mapping[Any, Any]]] = {place: [] for place in places}
    for row in result.mappings():
        records[row["place"]].append(row)
    return records
