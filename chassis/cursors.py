"""The relay's SQL: one cursor per bucket with its lease, and the rows of the event log behind it.

Rows come in (tx_id, position) order and below the oldest running writer, so a late commit is never skipped; a cursor moves only forward, and only
under the lease token of whoever moves it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa

from chassis import eventlog
from chassis.tables import BUCKETS


class Unsent(NamedTuple):
    """A row of `READ`, in its order. SQLAlchemy (2.1) looks its columns up by name at ten times the cost of a tuple's."""

    position: int
    tx: int
    bucket: int
    event_id: UUID
    stream: str
    key: str
    seq: int
    type: str
    version: int
    rules: str
    occurred_at: datetime
    recorded_at: datetime
    branch_id: UUID | None
    wadah_id: UUID | None
    agent_id: UUID | None
    actor: str
    correlation_id: UUID
    causation_id: UUID | None
    traceparent: str | None
    payload: bytes


ENSURE = sa.text(
    "INSERT INTO relay_cursors (bucket, tx_id, position, system_identifier, floor)"
    " SELECT b, '0'::xid8, 0, (SELECT system_identifier FROM pg_control_system()), 0"
    " FROM generate_series(0, :buckets - 1) AS b ON CONFLICT DO NOTHING"
)
FOREIGN = sa.text(
    "SELECT c.system_identifier AS remembered, s.system_identifier AS found FROM relay_cursors c, pg_control_system() s"
    " WHERE c.system_identifier <> s.system_identifier LIMIT 1"
)
# One statement says that we live, renews what we hold and claims what is free, up to our fair share among the relays alive.
LEASE = sa.text(
    "WITH present AS (INSERT INTO relay_members (holder, alive_until)"
    "   VALUES (:holder, clock_timestamp() + make_interval(secs => :seconds))"
    "   ON CONFLICT (holder) DO UPDATE SET alive_until = excluded.alive_until),"
    " alive AS (SELECT count(*) AS others FROM relay_members WHERE alive_until > clock_timestamp() AND holder <> :holder),"
    " mine AS (SELECT bucket, lease_token IS NOT DISTINCT FROM :token AS held FROM relay_cursors"
    "   WHERE lease_token = :token OR lease_until IS NULL OR lease_until <= clock_timestamp()"
    "   ORDER BY (lease_token = :token) DESC NULLS LAST, bucket"
    "   LIMIT (SELECT CAST(ceil(:buckets / (others + 1.0)) AS int) FROM alive)"
    "   FOR UPDATE SKIP LOCKED),"
    " released AS (UPDATE relay_cursors SET lease_until = NULL, lease_token = NULL, lease_holder = NULL"
    "   WHERE lease_token = :token AND bucket NOT IN (SELECT bucket FROM mine))"
    " UPDATE relay_cursors AS c SET lease_token = :token, lease_holder = :holder,"
    "   lease_until = clock_timestamp() + make_interval(secs => :seconds)"
    " FROM mine WHERE c.bucket = mine.bucket RETURNING mine.held"
)
RELEASE = sa.text(
    "WITH gone AS (DELETE FROM relay_members WHERE holder = :holder)"
    " UPDATE relay_cursors SET lease_until = NULL, lease_token = NULL, lease_holder = NULL WHERE lease_token = :token"
)
# Plan: one index range scan of event_log_relay per bucket (1.3 ms for 1,000 rows of a backlog of a million); `bucket = ANY(…) ORDER BY`
# instead reads and sorts the whole backlog. The row comparison and the xmin bound are both index conditions.
READ = sa.text(
    f"SELECT e.position, e.tx, c.bucket, {eventlog.ENVELOPE_COLUMNS} FROM relay_cursors c"
    " LEFT JOIN unnest(CAST(:buckets AS int[]), CAST(:txs AS bigint[]), CAST(:positions AS bigint[])) AS s(bucket, tx, position)"
    "   ON s.bucket = c.bucket"
    " CROSS JOIN LATERAL ("
    f"  SELECT e.position, e.tx_id::text::bigint AS tx, {eventlog.ENVELOPE_COLUMNS} FROM event_log e"
    "   WHERE e.bucket = c.bucket AND (e.tx_id, e.position) > (c.tx_id, c.position) AND e.position > c.floor"
    "   AND (e.tx_id, e.position) > (CAST(CAST(COALESCE(s.tx, 0) AS text) AS xid8), COALESCE(s.position, 0))"
    "   AND e.tx_id < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY e.tx_id, e.position LIMIT :limit) e"
    " WHERE c.lease_token = :token AND c.lease_until > clock_timestamp()"
)
ADVANCE = sa.text(
    "UPDATE relay_cursors AS c SET tx_id = CAST(CAST(n.tx AS text) AS xid8), position = n.position"
    " FROM unnest(CAST(:buckets AS int[]), CAST(:txs AS bigint[]), CAST(:positions AS bigint[])) AS n(bucket, tx, position)"
    " WHERE c.bucket = n.bucket AND c.lease_token = :token"
    " AND (c.tx_id, c.position) < (CAST(CAST(n.tx AS text) AS xid8), n.position)"
)
# Before a relay ever ran there are no cursors, and everything is unpublished.
UNPUBLISHED = sa.text(
    "SELECT count(*) AS rows, extract(epoch FROM clock_timestamp() - min(e.recorded_at)) AS age"
    f" FROM generate_series(0, {BUCKETS - 1}) AS b LEFT JOIN relay_cursors c ON c.bucket = b"
    " JOIN event_log e ON e.bucket = b AND e.position > COALESCE(c.floor, 0)"
    " AND (e.tx_id, e.position) > (COALESCE(c.tx_id, '0'::xid8), COALESCE(c.position, 0))"
)

# Also names the replication slots that nobody reads: they keep the server's log until its disk is full. A standby's is physical and in use.
OLDEST = sa.text(
    "SELECT COALESCE(extract(epoch FROM clock_timestamp() - min(e.recorded_at)), 0) AS age,"
    " ARRAY(SELECT slot_name::text FROM pg_replication_slots WHERE slot_type <> 'physical' OR NOT active ORDER BY 1) AS slots"
    " FROM relay_cursors c"
    " CROSS JOIN LATERAL (SELECT recorded_at FROM event_log e WHERE e.bucket = c.bucket"
    "  AND (e.tx_id, e.position) > (c.tx_id, c.position) AND e.position > c.floor"
    "  ORDER BY e.tx_id, e.position LIMIT 1) e"
)
