"""The event log of a service: appended in the transaction that decides, read by the relay and by replay.

(stream, key, seq) is unique and seq has no holes, so two transactions that decided on the same state collide here and one of them re-runs.
Rows go in sorted by (stream, key, seq), all in one statement.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis import rows
from chassis.tables import BUCKETS, event_log
from contracts.envelope import Envelope

MAX_PAYLOAD_BYTES = 256 * 1024
"""Larger events are refused when recorded, so no relay can ever stick on one."""

_HEADS = sa.text(
    "SELECT wanted.key, head.seq FROM unnest(CAST(:keys AS text[])) AS wanted(key)"
    " CROSS JOIN LATERAL (SELECT seq FROM event_log WHERE stream = :stream AND key = wanted.key"
    " ORDER BY seq DESC LIMIT 1) AS head"
)


class Stored(NamedTuple):
    """An event as it is stored, personal data sealed."""

    envelope: Envelope
    payload: bytes


def bucket_of(key: str) -> int:
    """The relay bucket of a key; stable for ever and the same in every process."""
    return zlib.crc32(key.encode()) % BUCKETS


async def heads(conn: AsyncConnection, stream: str, keys: Iterable[str]) -> dict[str, int]:
    """The last seq of each key; 0 for keys without events. One statement."""
    wanted = sorted(set(keys))
    found = dict.fromkeys(wanted, 0)
    if wanted:
        result = await conn.execute(_HEADS, {"stream": stream, "keys": wanted})
        found.update((row.key, row.seq) for row in result)
    return found


async def append(conn: AsyncConnection, events: Sequence[tuple[Envelope, bytes]]) -> None:
    """Appends events with their encoded payloads. Raises IntegrityError when another transaction took one of the places."""
    ordered = sorted(events, key=lambda pair: (pair[0].stream, pair[0].key, pair[0].seq))
    await rows.insert(conn, event_log, [_row(envelope, payload) for envelope, payload in ordered])


def _row(envelope: Envelope, payload: bytes) -> dict[str, object]:
    return {
        "event_id": envelope.event_id,
        "stream": envelope.stream,
        "key": envelope.key,
        "seq": envelope.seq,
        "bucket": bucket_of(envelope.key),
        "type": envelope.type,
        "version": envelope.version,
        "rules": envelope.rules,
        "occurred_at": envelope.occurred_at,
        "recorded_at": envelope.recorded_at,
        "branch_id": envelope.branch_id,
        "wadah_id": envelope.wadah_id,
        "agent_id": envelope.agent_id,
        "actor": envelope.actor,
        "correlation_id": envelope.correlation_id,
        "causation_id": envelope.causation_id,
        "traceparent": envelope.traceparent,
        "payload": payload,
    }


ENVELOPE_COLUMNS = (
    "event_id, stream, key, seq, type, version, rules, occurred_at, recorded_at, branch_id, wadah_id, agent_id,"
    " actor, correlation_id, causation_id, traceparent, payload"
)
"""What `envelope_of` needs of an event_log row."""


KNOWN_BY = (
    "SELECT position FROM (SELECT position, max(recorded_at) OVER (PARTITION BY stream, key ORDER BY seq) AS known_at FROM event_log) AS n"
    " WHERE known_at <= :until"
)
"""What was recorded by a moment: an event and all before it of its key. Two clocks may disagree on which of a key came first."""


def envelope_of(row: Any, source: str) -> Envelope:
    """The envelope of an event_log row of this service: anything with the attributes of ENVELOPE_COLUMNS."""
    return Envelope(
        event_id=row.event_id,
        source=source,
        stream=row.stream,
        key=row.key,
        seq=row.seq,
        type=row.type,
        version=row.version,
        rules=row.rules,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        actor=row.actor,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        branch_id=row.branch_id,
        wadah_id=row.wadah_id,
        agent_id=row.agent_id,
        traceparent=row.traceparent,
    )
