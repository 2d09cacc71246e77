"""Tables that every service database has: the event log (history, outbox and replay source in one) and the chassis' plumbing.

Only `event_log` is history. The rest is plumbing: not state, not replayed, rebuilt by use. Postgres 17 or newer.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import UserDefinedType

BUCKETS = 16
"""Units of relay work; a key's bucket is fixed for ever, so this number is too."""

metadata = sa.MetaData()


class Xid8(UserDefinedType[int]):
    """A 64-bit transaction id. asyncpg has no codec for it: read it as `tx_id::text::bigint`."""

    cache_ok = True

    def get_col_spec(self, **kwargs: object) -> str:
        return "xid8"


_INSTANT = sa.TIMESTAMP(timezone=True)

event_log = sa.Table(
    "event_log",
    metadata,
    sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("tx_id", Xid8, nullable=False, server_default=sa.text("pg_current_xact_id()")),
    sa.Column("event_id", UUID, nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("bucket", sa.SmallInteger, nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("occurred_at", _INSTANT, nullable=False),
    sa.Column("recorded_at", _INSTANT, nullable=False),
    sa.Column("branch_id", UUID),
    sa.Column("wadah_id", UUID),
    sa.Column("agent_id", UUID),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("correlation_id", UUID, nullable=False),
    sa.Column("causation_id", UUID),
    sa.Column("traceparent", sa.Text),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("stream", "key", "seq", name="event_log_stream_key_seq"),
    sa.Index("event_log_relay", "bucket", "tx_id", "position"),
    comment="Insert-only: the service's role has neither UPDATE nor DELETE. State is a fold of this table alone.",
)

relay_cursors = sa.Table(
    "relay_cursors",
    metadata,
    sa.Column("bucket", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column(
        "tx_id", Xid8, nullable=False, comment="everything up to (tx_id, position) is acknowledged by the broker"
    ),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column(
        "system_identifier", sa.BigInteger, nullable=False, comment="transaction ids mean something on this server only"
    ),
    sa.Column("floor", sa.BigInteger, nullable=False, comment="set by rebase: positions up to it were sent by hand"),
    sa.Column("lease_token", UUID),
    sa.Column("lease_holder", sa.Text),
    sa.Column("lease_until", _INSTANT),
)

relay_members = sa.Table(
    "relay_members",
    metadata,
    sa.Column("holder", sa.Text, primary_key=True),
    sa.Column("alive_until", _INSTANT, nullable=False, comment="relays alive share the buckets evenly"),
)

progress = sa.Table(
    "progress",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column(
        "seq", sa.BigInteger, nullable=False, comment="last event of this key that took effect here; 0: none yet"
    ),
    sa.Column("event_id", UUID),
    sa.Column("revision", sa.BigInteger, nullable=False, comment="every change adds one: compare-and-set"),
    sa.Column("parked", sa.Text, comment="why the key waits; null when it flows"),
    sa.Column("detail", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("parked_at", _INSTANT),
    sa.Column("retry_at", _INSTANT, comment="null while only an operator or a missing event can free the key"),
    sa.Index("progress_parked", "retry_at", postgresql_where=sa.text("parked IS NOT NULL")),
)

parked_events = sa.Table(
    "parked_events",
    metadata,
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("event_id", UUID, primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("headers", JSONB, nullable=False, comment="the envelope's headers; no personal data stands in them"),
    sa.Column("value", sa.LargeBinary, nullable=False, comment="the payload as received, personal data sealed"),
)

dead_letter_keys = sa.Table(
    "dead_letter_keys",
    metadata,
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column(
        "wrapped",
        sa.LargeBinary,
        nullable=False,
        comment="destroyed after dead_letter_days: the letters can then be read no more",
    ),
)

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("actor", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False, comment="JSON as first answered, byte for byte; ids and codes only"),
    sa.Column("correlation_id", UUID, nullable=False),
    sa.Column("recorded_at", _INSTANT, nullable=False),
)

person_keys = sa.Table(
    "person_keys",
    metadata,
    sa.Column("subject", UUID, primary_key=True),
    sa.Column(
        "wrapped",
        sa.LargeBinary,
        comment="null once destroyed: everything sealed for that person is unreadable for ever",
    ),
    comment="Filled in the one service that registers people (registration); the others ask it and keep none.",
)

forgotten = sa.Table(
    "forgotten",
    metadata,
    sa.Column("subject", UUID, primary_key=True),
    sa.Column("forgotten_at", _INSTANT, nullable=False, comment="wall time"),
    sa.Column(
        "letters_searched_at", _INSTANT, comment="null while dead letters may still hold something of the person"
    ),
    sa.Index("forgotten_unsearched", "subject", postgresql_where=sa.text("letters_searched_at IS NULL")),
    comment="Plumbing: persons whose copies were cleared here",
)

number_blocks = sa.Table(
    "number_blocks",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("next", sa.BigInteger, nullable=False, comment="first number not yet reserved by any process"),
)

timer_backoff = sa.Table(
    "timer_backoff",
    metadata,
    sa.Column("timer", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("not_before", _INSTANT, nullable=False),
    sa.Column("since", _INSTANT, nullable=False, comment="business time of the first attempt"),
)

home = sa.Table(
    "home",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("place", sa.Text, nullable=False, comment="server, timeline, database and table when it was last served"),
    comment="Plumbing: a database that stands elsewhere was restored, and may have lost erasures (chassis.restored)",
)

business_clock = sa.Table(
    "business_clock",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column(
        "offset_seconds", sa.BigInteger, nullable=False, comment="business time minus wall time; 0 in production"
    ),
)
