"""The event log and the plumbing of every service database."""

from alembic import op

revision = "chassis_0001"
down_revision = None

STATEMENTS = (
    """
    CREATE TABLE business_clock (
        id SMALLINT NOT NULL,
        offset_seconds BIGINT NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    """
    COMMENT ON COLUMN business_clock.offset_seconds IS 'business time minus wall time; 0 in production'
    """,
    """
    CREATE TABLE dead_letter_keys (
        day DATE NOT NULL,
        wrapped BYTEA NOT NULL,
        PRIMARY KEY (day)
    )
    """,
    """
    COMMENT ON COLUMN dead_letter_keys.wrapped IS 'destroyed after dead_letter_days: the letters can then be read no more'
    """,
    """
    CREATE TABLE event_log (
        position BIGINT GENERATED ALWAYS AS IDENTITY,
        tx_id xid8 DEFAULT pg_current_xact_id() NOT NULL,
        event_id UUID NOT NULL,
        stream TEXT NOT NULL,
        key TEXT NOT NULL,
        seq BIGINT NOT NULL,
        bucket SMALLINT NOT NULL,
        type TEXT NOT NULL,
        version INTEGER NOT NULL,
        rules TEXT NOT NULL,
        occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        branch_id UUID,
        wadah_id UUID,
        agent_id UUID,
        actor TEXT NOT NULL,
        correlation_id UUID NOT NULL,
        causation_id UUID,
        traceparent TEXT,
        payload BYTEA NOT NULL,
        PRIMARY KEY (position),
        CONSTRAINT event_log_stream_key_seq UNIQUE (stream, key, seq)
    )
    """,
    """
    CREATE INDEX event_log_relay ON event_log (bucket, tx_id, position)
    """,
    """
    COMMENT ON TABLE event_log IS 'Insert-only: the service''s role has neither UPDATE nor DELETE. State is a fold of this table alone.'
    """,
    """
    CREATE TABLE idempotency (
        actor TEXT NOT NULL,
        key TEXT NOT NULL,
        request_hash BYTEA NOT NULL,
        status INTEGER NOT NULL,
        body TEXT NOT NULL,
        correlation_id UUID NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (actor, key)
    )
    """,
    """
    COMMENT ON COLUMN idempotency.body IS 'JSON as first answered, byte for byte; ids and codes only'
    """,
    """
    CREATE TABLE number_blocks (
        kind TEXT NOT NULL,
        next BIGINT NOT NULL,
        PRIMARY KEY (kind)
    )
    """,
    """
    COMMENT ON COLUMN number_blocks.next IS 'first number not yet reserved by any process'
    """,
    """
    CREATE TABLE parked_events (
        stream TEXT NOT NULL,
        key TEXT NOT NULL,
        seq BIGINT NOT NULL,
        event_id UUID NOT NULL,
        topic TEXT NOT NULL,
        partition INTEGER NOT NULL,
        "offset" BIGINT NOT NULL,
        headers JSONB NOT NULL,
        value BYTEA NOT NULL,
        PRIMARY KEY (stream, key, seq, event_id)
    )
    """,
    """
    COMMENT ON COLUMN parked_events.headers IS 'the envelope''s headers; no personal data stands in them'
    """,
    """
    COMMENT ON COLUMN parked_events.value IS 'the payload as received, personal data sealed'
    """,
    """
    CREATE TABLE person_keys (
        subject UUID NOT NULL,
        wrapped BYTEA,
        PRIMARY KEY (subject)
    )
    """,
    """
    COMMENT ON TABLE person_keys IS 'Filled in the one service that registers people (registration); the others ask it and keep none.'
    """,
    """
    COMMENT ON COLUMN person_keys.wrapped IS 'null once destroyed: everything sealed for that person is unreadable for ever'
    """,
    """
    CREATE TABLE progress (
        stream TEXT NOT NULL,
        key TEXT NOT NULL,
        seq BIGINT NOT NULL,
        event_id UUID,
        revision BIGINT NOT NULL,
        parked TEXT,
        detail TEXT,
        attempts INTEGER NOT NULL,
        parked_at TIMESTAMP WITH TIME ZONE,
        retry_at TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (stream, key)
    )
    """,
    """
    CREATE INDEX progress_parked ON progress (retry_at) WHERE parked IS NOT NULL
    """,
    """
    COMMENT ON COLUMN progress.seq IS 'last event of this key that took effect here; 0: none yet'
    """,
    """
    COMMENT ON COLUMN progress.revision IS 'every change adds one: compare-and-set'
    """,
    """
    COMMENT ON COLUMN progress.parked IS 'why the key waits; null when it flows'
    """,
    """
    COMMENT ON COLUMN progress.retry_at IS 'null while only an operator or a missing event can free the key'
    """,
    """
    CREATE TABLE relay_cursors (
        bucket SMALLINT NOT NULL,
        tx_id xid8 NOT NULL,
        position BIGINT NOT NULL,
        system_identifier BIGINT NOT NULL,
        floor BIGINT NOT NULL,
        lease_token UUID,
        lease_holder TEXT,
        lease_until TIMESTAMP WITH TIME ZONE,
        PRIMARY KEY (bucket)
    )
    """,
    """
    COMMENT ON COLUMN relay_cursors.tx_id IS 'everything up to (tx_id, position) is acknowledged by the broker'
    """,
    """
    COMMENT ON COLUMN relay_cursors.system_identifier IS 'transaction ids mean something on this server only'
    """,
    """
    COMMENT ON COLUMN relay_cursors.floor IS 'set by rebase: positions up to it were sent by hand'
    """,
    """
    CREATE TABLE relay_members (
        holder TEXT NOT NULL,
        alive_until TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (holder)
    )
    """,
    """
    COMMENT ON COLUMN relay_members.alive_until IS 'relays alive share the buckets evenly'
    """,
    """
    CREATE TABLE timer_backoff (
        timer TEXT NOT NULL,
        key TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        not_before TIMESTAMP WITH TIME ZONE NOT NULL,
        PRIMARY KEY (timer, key)
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
