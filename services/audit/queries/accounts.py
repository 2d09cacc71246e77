"""Everything that had been recorded of one participant, agent, Wadah or bill by a moment: its keys, their events, and what is of the same chains.

Each step reads its own rows of an index, so an account costs what it holds, however large the archive is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.events import TOPICS
from services.audit.domain.accounts import BY_MONTH, Subject, is_folded, tells_alone

Rows = Sequence[Mapping[Any, Any]]
MOST_EVENTS: Final = 2_000
MOST_RELATED: Final = 200

_NAMED: Final = {
    subject: sa.text(
        f"SELECT place, source, stream, key FROM archive WHERE {column} = :id AND recorded_at <= :at"
        " ORDER BY recorded_at, place LIMIT :most"
    )
    for subject, column in {Subject.PARTICIPANT: "participant_id", Subject.BILL: "bill_id"}.items()
}
# One look into the index for each stream there is, and one into the months of those who are paid incentives.
_ITSELF: Final = sa.text(
    "SELECT place, source, stream, key FROM (SELECT own.* FROM unnest(CAST(:streams AS text[])) AS wanted(stream) CROSS JOIN LATERAL"
    " (SELECT * FROM archive WHERE stream = wanted.stream AND key = :id ORDER BY seq LIMIT :most) AS own"
    " UNION ALL SELECT * FROM archive WHERE stream = :by_month AND key LIKE :months) AS found WHERE recorded_at <= :at LIMIT :most"
)
_OF_KEYS: Final = sa.text(
    "SELECT own.* FROM unnest(CAST(:streams AS text[]), CAST(:keys AS text[])) AS wanted(stream, key) CROSS JOIN LATERAL"
    " (SELECT * FROM archive WHERE stream = wanted.stream AND key = wanted.key AND recorded_at <= :at ORDER BY seq LIMIT :most) AS own"
    " UNION ALL SELECT * FROM archive WHERE place = ANY(CAST(:places AS bigint[])) ORDER BY recorded_at, place LIMIT :most"
)
_RELATED: Final = sa.text(
    "SELECT own.* FROM unnest(CAST(:correlations AS uuid[])) AS wanted(id) CROSS JOIN LATERAL (SELECT * FROM archive"
    " WHERE correlation_id = wanted.id AND participant_id IS NULL AND recorded_at <= :at AND place <> ALL(CAST(:places AS bigint[]))"
    " ORDER BY recorded_at LIMIT :most) AS own ORDER BY recorded_at, place LIMIT :most"
)


@dataclass(frozen=True, slots=True)
class Account:
    """Rows of `archive`, oldest first; `keys`: (service, stream, key) whose state says what the subject was."""

    events: Rows
    related: Rows
    keys: Sequence[tuple[str, str, str]]


async def account(conn: AsyncConnection, subject: Subject, id_: UUID, at: datetime) -> Account:
    """At most MOST_EVENTS and one more, which says that there are too many; likewise MOST_RELATED. Three statements."""
    most = {"at": at, "most": MOST_EVENTS + 1}
    if subject in _NAMED:
        named = (await conn.execute(_NAMED[subject], {"id": id_, **most})).all()
    else:
        values = {"id": str(id_), "streams": sorted(TOPICS), "by_month": BY_MONTH, "months": f"{id_}:%", **most}
        named = (await conn.execute(_ITSELF, values)).all()
    keys = sorted({(row.source, row.stream, row.key) for row in named})
    alone = [(stream, key) for _, stream, key in keys if tells_alone(subject, stream)]
    wanted = {
        "streams": [stream for stream, _ in alone],
        "keys": [key for _, key in alone],
        "places": [row.place for row in named if not tells_alone(subject, row.stream)],
    }
    events: Rows = (await conn.execute(_OF_KEYS, {**wanted, **most})).mappings().all()
    chains = {
        "correlations": sorted({row["correlation_id"] for row in events}),
        "places": [row["place"] for row in events],
        "at": at,
        "most": MOST_RELATED + 1,
    }
    related: Rows = (await conn.execute(_RELATED, chains)).mappings().all() if events else []
    return Account(events, related, [key for key in keys if is_folded(subject, key[1])])
